import { RecordBatch } from '../batch/batch.ts';
import { withRows } from '../batch/decodable.ts';
import type { Locator } from '../batch/locator.ts';
import type { AnyBatch, AnyRow, OperatorContext } from '../define.ts';
import type { Rejected } from '../rejected.ts';
import type { Done, PieceWork } from './calls-in-order.ts';
import { fullness, notRecord } from './gather.ts';
import { refusal } from './row-function.ts';
import { isThenable } from './waiting.ts';

export interface GroupOptions {
  /** Records a group; the last one may have fewer. */
  readonly count: number;
  readonly delayMs: number | undefined;
  readonly concurrency: number;
}

/** A user's function over some records: what it gives is not yet looked at. */
export type GroupChange = (rows: readonly AnyRow[]) => unknown;

/** Some records, each with the batch that it came in. */
interface Group {
  readonly rows: AnyRow[];
  readonly batches: AnyBatch[];
  readonly indexes: number[];
  /** About what they take. */
  bytes: number;
}

/** Rows that are bytes take about so many times more as objects. */
const DECODED_WEIGHT = 8;

/** Groups of so many records, however they come, each given to a function; what that gives takes their place. The records of open groups are on the state account. */
export class GroupCalls implements PieceWork<Group, readonly AnyRow[] | Rejected> {
  readonly concurrency: number;
  readonly delayMs: number | undefined;
  readonly #count: number;
  readonly #change: GroupChange;
  readonly #context: OperatorContext;
  #open: Group = emptyGroup();
  #charged = 0;

  constructor(change: GroupChange, { count, delayMs, concurrency }: GroupOptions, context: OperatorContext) {
    this.#change = change;
    this.#count = count;
    this.delayMs = delayMs;
    this.concurrency = concurrency;
    this.#context = context;
  }

  take(given: AnyBatch): Group[] {
    const weight = given.hasRows ? 1 : DECODED_WEIGHT;
    const batch = withRows(given, (index, code, reason) => this.#context.reject(given, index, code, reason));
    const bytes = (given.bytes * weight) / Math.max(1, batch.length);
    this.#charge(bytes * batch.length);
    const groups: Group[] = [];
    for (const [index, row] of batch.rows.entries()) {
      const open = this.#open;
      open.rows.push(row);
      open.batches.push(batch);
      open.indexes.push(index);
      open.bytes += bytes;
      if (open.rows.length < this.#count) continue;
      groups.push(open);
      this.#open = emptyGroup();
    }
    return groups;
  }

  rest(): Group | undefined {
    const open = this.#open;
    if (open.rows.length === 0) return undefined;
    this.#open = emptyGroup();
    return open;
  }

  call({ rows }: Group): readonly AnyRow[] | Rejected | Promise<readonly AnyRow[] | Rejected> {
    const settled = (result: unknown): readonly AnyRow[] | Rejected => {
      try {
        return this.#recordsOf(result);
      } catch (error) {
        return refusal(error);
      }
    };
    try {
      const result = this.#change(rows);
      return isThenable(result) ? Promise.resolve(result).then(settled, refusal) : settled(result);
    } catch (error) {
      return refusal(error);
    }
  }

  *give(done: readonly Done<Group, readonly AnyRow[] | Rejected>[]): Generator<AnyBatch> {
    const { batchRows, batchBytes } = this.#context;
    const isFull = fullness(batchRows, batchBytes);
    let rows: AnyRow[] = [];
    let origins: Group[] = [];
    for (const { piece, result } of done) {
      this.#charge(-piece.bytes);
      if (!Array.isArray(result)) {
        this.#refuse(piece, result as Rejected);
        continue;
      }
      this.#balance(piece.rows.length, result.length);
      for (const row of result as readonly AnyRow[]) {
        rows.push(row);
        origins.push(piece);
        if (!isFull(rows)) continue;
        yield madeOf(rows, origins);
        rows = [];
        origins = [];
      }
    }
    if (rows.length > 0) yield madeOf(rows, origins);
  }

  close(): void {
    this.#charge(-this.#charged);
  }

  #refuse({ batches, indexes }: Group, { code, reason }: Rejected): void {
    for (const [i, batch] of batches.entries()) this.#context.reject(batch, indexes[i] as number, code, reason);
  }

  #balance(came: number, left: number): void {
    if (left < came) this.#context.dropped(came - left);
    else this.#context.made(left - came);
  }

  #recordsOf(result: unknown): readonly AnyRow[] | Rejected {
    if (result === undefined || result === null) return [];
    if (typeof result !== 'object' || Symbol.asyncIterator in result) return this.#context.reject('VALUE_INVALID', NO_RECORDS);
    const records = Symbol.iterator in result ? [...(result as Iterable<AnyRow>)] : [result as AnyRow];
    for (const record of records) {
      const found = notRecord(record);
      if (found !== undefined) return this.#context.reject('VALUE_INVALID', `the function gave ${found} among its records`);
    }
    return records;
  }

  #charge(bytes: number): void {
    this.#charged += bytes;
    this.#context.charge(bytes);
  }
}

const NO_RECORDS = 'the function gave neither a record nor a list of records, nor a promise of one';

function emptyGroup(): Group {
  return { rows: [], batches: [], indexes: [], bytes: 0 };
}

/** Each record stands where the first of its group stood. */
function madeOf(rows: readonly AnyRow[], origins: readonly Group[]): AnyBatch {
  const places = new Map<Group, ReturnType<Locator>>();
  for (const group of origins) if (!places.has(group)) places.set(group, group.batches[0]?.locate(group.indexes[0] as number));
  return RecordBatch.of(rows, undefined, undefined, undefined, row => places.get(origins[row] as Group));
}
