import type { Tables } from '../../sources/postgres-tables.ts';
import type { Source } from '../core/contracts.ts';
import type { SourcePart, SourceParts } from '../core/parts.ts';
import { sourceFace, stageOf } from '../core/run/face.ts';
import { MillraceError } from '../errors.ts';
import { type Verification, verify, type VerifyOptions } from './verify.ts';

export interface TableVerification extends Verification {
  /** As patterns of `tables` name it: `public.orders`, `"odd.schema".t`. */
  readonly table: string;
}

export interface TablesVerification {
  /** The same tables, and each of them equal. */
  readonly equal: boolean;
  /** Those that both sides have, in the order of A. */
  readonly tables: readonly TableVerification[];
  /** Names of tables that the other side lacks. */
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
}

/**
 * Compares two databases, or parts of them, table by table, by the names of the tables: each as `verify` does it. Each side is seen as it was at one
 * moment. Columns that the server generates, views and what hangs on tables are not compared. Tables go one after the other, in bounded memory.
 * Errors: those of the sources; PIPELINE_INVALID where one of them is not a whole database.
 */
export async function verifyTables(
  a: Source<Tables>,
  b: Source<Tables>,
  options: Omit<VerifyOptions, 'key' | 'shown'> = {},
): Promise<TablesVerification> {
  const signal = options.signal ?? new AbortController().signal;
  const opened: SourceParts[] = [];
  try {
    const open = async (side: Source<Tables>): Promise<Parts> => {
      const parts = await partsOf(side, signal);
      opened.push(parts);
      return new Map(parts.parts.map(part => [part.name, part]));
    };
    const [mine, theirs] = [await open(a), await open(b)];
    const tables: TableVerification[] = [];
    for (const [table, part] of mine) {
      const other = theirs.get(table);
      if (other === undefined) continue;
      tables.push({ table, ...(await verify(sourceFace(part.source), sourceFace(other.source), options)) });
    }
    const [onlyInA, onlyInB] = [lacking(mine, theirs), lacking(theirs, mine)];
    const equal = onlyInA.length === 0 && onlyInB.length === 0 && tables.every(one => one.equal);
    return { equal, tables, onlyInA, onlyInB };
  } finally {
    for (const { close } of opened) await close();
  }
}

type Parts = ReadonlyMap<string, SourcePart>;

function partsOf(source: Source<Tables>, signal: AbortSignal): Promise<SourceParts> {
  const stage = stageOf(source);
  const parts = stage?.role === 'source' ? stage.definition.parts?.open(stage.options, { signal }, stage.given) : undefined;
  if (parts !== undefined) return parts;
  throw new MillraceError('PIPELINE_INVALID', 'verify: a whole database is compared with a whole database; name a table on both sides');
}

function lacking(side: Parts, other: Parts): string[] {
  return [...side.keys()].filter(name => !other.has(name));
}
