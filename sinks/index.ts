/** The namespace `to`: one line a kind. */
import type { SinkKind } from '../lib/core/define.ts';
import { fileKind } from './file.ts';
import { functionKind } from './function.ts';
import { memoryKind } from './memory.ts';
import { nullKind } from './null.ts';
import { postgres as postgresTable, postgresKind } from './postgres.ts';
import { postgresTablesKind, tables } from './postgres-tables.ts';
import { streamKind } from './stream.ts';

export { file } from './file.ts';
export { function } from './function.ts';
export { memory } from './memory.ts';
export { null } from './null.ts';
export { stream } from './stream.ts';

/** A table; `postgres.tables`: a whole database. */
export const postgres = Object.assign(postgresTable, { tables });

/** For `millrace kinds`. */
export const sinkKinds: readonly SinkKind[] = [
  fileKind,
  functionKind,
  memoryKind,
  nullKind,
  postgresKind,
  postgresTablesKind,
  streamKind,
] as unknown as SinkKind[];
