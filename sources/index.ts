/** The namespace `from`: one line a kind. */
import type { SourceKind } from '../lib/core/define.ts';
import { fileKind } from './file.ts';
import { generateKind } from './generate.ts';
import { memoryKind } from './memory.ts';
import { postgresKind } from './postgres.ts';
import { recordsKind } from './records.ts';

export { file } from './file.ts';
export { generate } from './generate.ts';
export { memory } from './memory.ts';
export { postgres } from './postgres.ts';
export { records } from './records.ts';

/** For `millrace kinds`. */
export const sourceKinds: readonly SourceKind[] = [
  fileKind,
  generateKind,
  memoryKind,
  postgresKind,
  recordsKind,
] as unknown as SourceKind[];
