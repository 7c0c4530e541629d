/** The namespace `from`: one line a kind. */
import type { SourceKind } from '../lib/core/define.ts';
import { deadLettersKind } from './dead-letters.ts';
import { fileKind } from './file.ts';
import { generateKind } from './generate.ts';
import { memoryKind } from './memory.ts';
import { postgres as postgresTable, postgresKind } from './postgres.ts';
import { lookup } from './postgres-lookup.ts';
import { postgresTablesKind, tables } from './postgres-tables.ts';
import { recordsKind } from './records.ts';

export { deadLetters } from './dead-letters.ts';
export { file } from './file.ts';
export { generate } from './generate.ts';
export { memory } from './memory.ts';
export { records } from './records.ts';

/** A table or a query; `postgres.tables`: a whole database; `postgres.lookup`: where the operator lookup finds records. */
export const postgres = Object.assign(postgresTable, { tables, lookup });

/** For `millrace kinds`. */
export const sourceKinds: readonly SourceKind[] = [
  deadLettersKind,
  fileKind,
  generateKind,
  memoryKind,
  postgresKind,
  postgresTablesKind,
  recordsKind,
] as unknown as SourceKind[];
