/** What is new in a table: the rows behind a position, in the order of a column and of the key, up to where no row can come any more. */
import type pg from 'pg';
import type { Position } from '../../../core/batch/batch.ts';
import type { FollowingReport } from '../../../core/define.ts';
import { MillraceError } from '../../../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../../../values/identifiers.ts';
import { countOf } from '../../../values/counts.ts';
import { printMs } from '../../../values/durations.ts';
import { limited } from '../connection/connect.ts';
import type { ServerColumn } from '../catalogue/relation.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import { type Lateness, lateCommits } from './late-commits.ts';
import type { CopyRows } from './copy-frames.ts';
import { lastTexts, typedText } from './keyed-read.ts';
import { type RangedRead, type ReadPlan, readPlan, type ReadWish } from './read-plan.ts';
import { type SinceColumn, sinceColumn, type SinceWish } from './since-column.ts';

/** Where the reading goes on: texts of the column and of the key, whose columns these are; and up to when was read. */
interface SincePosition extends Position {
  readonly columns: readonly string[];
  readonly since: string;
  readonly key: readonly string[];
  readonly upTo: string | null;
}

/** What is known before the snapshot is taken that is read. */
export interface Since {
  readonly column: SinceColumn;
  readonly lateness: Lateness;
  readonly after: SincePosition | undefined;
}

/**
 * For a connection outside of a transaction. `columns`: those of the table. COLUMN_UNKNOWN; OPTION_INVALID where rows would be lost: a column that cannot be
 * gone by, and one whose rows may come late by nobody knows how much, without an overlap.
 */
export async function prepareSince(
  client: pg.Client,
  wish: SinceWish,
  columns: readonly ServerColumn[],
  after: Position | undefined,
): Promise<Since> {
  const column = await sinceColumn(client, wish, columns);
  checkKey(column, after as SincePosition | undefined);
  const lateness = await lateCommits(client, column, typeof after?.['upTo'] === 'string' ? after['upTo'] : undefined);
  if (lateness.unsure !== undefined && column.overlap === undefined) {
    const example = column.order === 'time' ? '10m' : column.order === 'number' ? '1000' : '0';
    throw new MillraceError(
      'OPTION_INVALID',
      `postgres: option "since": column ${JSON.stringify(column.name)}: rows that are committed late could be missed: ${lateness.unsure}; say by "overlap" (--overlap ${example}) how far back is read again`,
    );
  }
  return { column, lateness, after: after as SincePosition | undefined };
}

/** A position in the order of another key is none in this one. */
function checkKey({ name, key, table }: SinceColumn, after: SincePosition | undefined): void {
  const names = [name, ...key.map(column => column.name)];
  if (after === undefined || JSON.stringify(after.columns) === JSON.stringify(names)) return;
  throw new MillraceError(
    'CHECKPOINT_DIFFERS',
    `table ${table} was read in the order of ${after.columns.join(', ')}, and its key is another one now (${names.join(', ')}); to read all anew, forget the job's position: millrace state reset`,
  );
}

/** A statement, and where the reading stands behind its rows. */
export interface SincePart {
  readonly statement: string;
  readonly select: string;
  position(rows: CopyRows): Position;
}

/** What is read beside, and the position's columns. A limit is counted off behind the order. */
export function sincePlan(client: pg.Client, { column }: Since, { pushed, columns }: ReadWish, target: PgTarget): Promise<ReadPlan> {
  const also = [column.name, ...column.key.map(({ name }) => name)];
  const rest = pushed === undefined ? undefined : { ...pushed, limit: undefined };
  return readPlan(client, { table: column.shown }, target, { columns, pushed: rest, also });
}

/** One part; with an overlap the rows that are read again come first, and leave the position where it was. */
export function sinceParts({ column, lateness, after }: Since, plan: ReadPlan, limit: number | undefined): readonly SincePart[] {
  const ranged = rangedOf(plan);
  const keys = [column, ...column.key];
  const places = keys.map(({ name }) => plan.columns.findIndex(each => each.name === name));
  const texts = lastTexts(plan.columns, places);
  const position = (rows: CopyRows): SincePosition => {
    const [since = '', ...key] = texts(rows);
    return { columns: keys.map(each => each.name), since, key, upTo: lateness.upTo ?? null };
  };
  const names = keys.map(({ name }) => quoteIdentifier(name));
  const name = names[0] as string;
  const order = names.join(', ');
  const part = (condition: string, at: SincePart['position']): SincePart => ({
    statement: ranged.statement(condition, order, limit),
    select: ranged.select(condition, order, limit),
    position: at,
  });
  const above = upperBounds(column, lateness);
  if (after === undefined) return [part(above.length > 0 ? above.join(' AND ') : `${name} IS NOT NULL`, position)];
  const values = [after.since, ...after.key].map((text, i) => typedText(text, keys[i] as SinceColumn));
  const [left, right] = names.length === 1 ? [name, values[0] as string] : [`(${order})`, `(${values.join(', ')})`];
  const fresh = part([`${left} > ${right}`, ...above].join(' AND '), position);
  const from = overlapStart(column, after.since);
  if (from === undefined) return [fresh];
  const stays: SincePosition = { ...after, upTo: lateness.upTo ?? null };
  return [part([`${name} >= ${from}`, `${left} <= ${right}`, ...above].join(' AND '), () => stays), fresh];
}

function rangedOf({ ranged }: ReadPlan): RangedRead {
  if ('reason' in ranged) throw new MillraceError('INTERNAL', `since: ${ranged.reason}`);
  return ranged;
}

/** Behind infinity nothing would ever be new. */
function upperBounds({ name, dataType: { kind }, order }: SinceColumn, { bound }: Lateness): string[] {
  const column = quoteIdentifier(name);
  if (bound !== undefined) return [`${column} < ${bound}`];
  if (order === 'time') return [`${column} < 'infinity'`];
  // Where numeric has infinity, its text is greater than every number's.
  return kind === 'numeric' ? [`${column} < 'NaN'`, `${column}::text <> 'Infinity'`] : [];
}

/** As SQL; undefined where nothing is read again. */
function overlapStart({ overlap, dataType: { kind }, type }: SinceColumn, text: string): string | undefined {
  if (overlap === undefined || ('count' in overlap && overlap.count === 0)) return undefined;
  if ('ms' in overlap) {
    const start = `${quoteLiteral(text)}::${kind} - interval '${overlap.ms} milliseconds'`;
    return `(${start})::${kind}`;
  }
  if (kind === 'numeric') return `(${typedText(text, { name: '', type })} - ${overlap.count})`;
  const start = BigInt(text) - BigInt(Math.ceil(overlap.count));
  return `'${start < LEAST_INT8 ? LEAST_INT8 : start}'::int8`;
}

const LEAST_INT8 = -(2n ** 63n);

export function reportOf({ column, lateness, after }: Since): FollowingReport {
  return { column: column.name, after: after?.since ?? null, upTo: lateness.upTo ?? null };
}

/** What is worth a word: rows that are not read, and what keeps others from it. In the transaction of the reading. */
export async function warningsOf(client: pg.Client, { column, lateness }: Since): Promise<string[]> {
  const { holder, upTo } = lateness;
  const held =
    holder === undefined
      ? []
      : [`read up to ${upTo === '-infinity' ? 'the beginning only' : upTo}, not to now: it is held back by ${holder}`];
  return [...held, ...(await nulls(client, column))];
}

async function nulls(client: pg.Client, { name, nullable, table }: SinceColumn): Promise<string[]> {
  if (!nullable) return [];
  const { rows } = await client.query<{ count: number }>(
    limited(
      `SELECT count(*)::int4 AS count FROM (SELECT FROM ${table} WHERE ${quoteIdentifier(name)} IS NULL LIMIT ${COUNTED_NULLS + 1}) n`,
    ),
  );
  const count = rows[0]?.count ?? 0;
  if (count === 0) return [];
  const said = count > COUNTED_NULLS ? `more than ${countOf(COUNTED_NULLS, 'row')}` : countOf(count, 'row');
  return [
    `${said} of table ${table} without a value in ${JSON.stringify(name)} cannot be gone by, and ${count === 1 ? 'is' : 'are'} not read`,
  ];
}

const COUNTED_NULLS = 10_000;

/** Where a reading begins and ends, in words. */
export function rulesOf({ column, lateness, after }: Since): string[] {
  const name = JSON.stringify(column.name);
  const { overlap } = column;
  const again =
    overlap === undefined || ('count' in overlap && overlap.count === 0)
      ? ''
      : `; ${'ms' in overlap ? printMs(overlap.ms) : overlap.count} before that are read again`;
  const start =
    after === undefined ? `from the beginning: no position is kept of this job` : `after ${after.since}, where the last run ended${again}`;
  const end = lateness.upTo === undefined ? 'no bound' : 'before the beginning of the oldest transaction that may still commit';
  return [`by ${name}: ${start}`, `up to: ${end}${lateness.unsure === undefined ? '' : ` (${lateness.unsure})`}`];
}
