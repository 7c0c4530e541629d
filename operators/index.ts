/** All operators: one line a kind. */
import type { OperatorKind } from '../lib/core/define.ts';
import { batchKind } from './batch.ts';
import { coerceKind } from './coerce.ts';
import { dedupeKind } from './dedupe.ts';
import { filterKind } from './filter.ts';
import { flatMapKind } from './flat-map.ts';
import { lookupKind } from './lookup.ts';
import { mapAsyncKind } from './map-async.ts';
import { mapKind } from './map.ts';
import { projectKind } from './project.ts';
import { renameKind } from './rename.ts';
import { sampleCountKind, sampleShareKind } from './sample.ts';
import { skipKind } from './skip.ts';
import { sortKind } from './sort.ts';
import { takeKind } from './take.ts';
import { tapKind } from './tap.ts';
import { throughKind } from './through.ts';
import { validateKind } from './validate.ts';

export { batch, type BatchedRow, type BatchOptions } from './batch.ts';
export { coerce } from './coerce.ts';
export { dedupe, type DedupeOptions } from './dedupe.ts';
export { filter } from './filter.ts';
export { flatMap } from './flat-map.ts';
export { lookup, type Find, type LookedUp, type LookupColumns, type LookupKey, type LookupOptions, type LookupValues } from './lookup.ts';
export { map } from './map.ts';
export { mapAsync } from './map-async.ts';
export { project } from './project.ts';
export { rename } from './rename.ts';
export { sample, type SampleOptions } from './sample.ts';
export { skip } from './skip.ts';
export { sort, type SortKey } from './sort.ts';
export { take } from './take.ts';
export { tap } from './tap.ts';
export { through } from './through.ts';
export { validate } from './validate.ts';

/** For `millrace kinds`. */
export const operatorKinds: readonly OperatorKind[] = [
  batchKind,
  coerceKind,
  dedupeKind,
  filterKind,
  flatMapKind,
  lookupKind,
  mapKind,
  mapAsyncKind,
  projectKind,
  renameKind,
  sampleCountKind,
  sampleShareKind,
  skipKind,
  sortKind,
  takeKind,
  tapKind,
  throughKind,
  validateKind,
] as unknown as OperatorKind[];
