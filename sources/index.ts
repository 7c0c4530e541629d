/** The namespace `from`: one line a kind. */
import type { SourceKind } from '../lib/core/define.ts';
import { memoryKind } from './memory.ts';
import { recordsKind } from './records.ts';

export { memory } from './memory.ts';
export { records } from './records.ts';

/** For `millrace kinds`. */
export const sourceKinds: readonly SourceKind[] = [memoryKind, recordsKind] as unknown as SourceKind[];
