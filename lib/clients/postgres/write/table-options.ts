import { MillraceError } from '../../../errors.ts';
import type { DriftPolicy } from './drift.ts';
import type { TableMode } from '../catalogue/table-mode.ts';
import { describeTarget, type PgTarget } from '../connection/connection-options.ts';

export interface TableOptions {
  readonly table: string;
  readonly mode: TableMode;
  readonly key?: readonly string[] | undefined;
  readonly update?: readonly string[] | undefined;
  /** How mode replace does it; undefined: as the table allows. */
  readonly replace?: 'swap' | 'truncate' | undefined;
  /** Of mode sync: marks rows that the source no longer has; undefined: they are deleted. */
  readonly deletedColumn?: string | undefined;
  /** Columns that may lose something where their type in the table is the cause. */
  readonly lossy?: readonly string[] | undefined;
  /** What becomes of a table that is there and has other columns. */
  readonly onDrift?: DriftPolicy | undefined;
  /** What becomes of secondary indexes of a table that is there. */
  readonly indexes?: 'keep' | 'rebuild' | undefined;
}

export function tableExists(shown: string, target: PgTarget): MillraceError {
  return new MillraceError(
    'EXISTS',
    `table ${shown} exists in ${describeTarget(target)}; add to it with mode append (--mode append), or name another`,
  );
}

/** A table that is to be merged into and is not there yet. */
export function keyless(shown: string, mode: TableMode): MillraceError {
  return new MillraceError(
    'OPTION_INVALID',
    `postgres: option "key": table ${shown} is not there yet, and ${mode === 'sync' ? 'a sync' : 'an upsert'} needs the primary key that it is to have; name its columns`,
  );
}

/** Mode sync takes what does not come for what is not there. */
export function cannotSync(incomplete: string): MillraceError {
  return new MillraceError(
    'OPTION_INVALID',
    `postgres: option "mode": sync deletes what does not come, and not all will: ${incomplete}; use upsert, or filter by what stands in the records`,
  );
}
