import type { SinkContext } from '../../../core/define.ts';
import { CopyLoad, type LoadPlace } from './copy-load.ts';
import type { CopyFormat } from './copy-plan.ts';
import { refusedRun, type RowRefusal, rowRefusal } from './row-refusal.ts';
import type { TableName } from './row-loader.ts';
import { Segment } from './segment.ts';
import { type Slice, sentRows } from './segment-slices.ts';

const SAVEPOINT = 'SAVEPOINT millrace_segment';

/** Whether the last segment was refused, and its savepoint still stands: whatever is sent next begins by going back to it. */
export interface Refused {
  isOpen: boolean;
}

/**
 * Some segments in one conversation: SAVEPOINT, COPY and RELEASE of all of them are one text, and their rows follow it without a word of the server in
 * between, so that a small segment costs no time on the way. When one is refused those before it are in, and those behind it were not looked at.
 * Rows for a staging table go alone: they are merged before the next ones.
 */
export class Exchange {
  /** Those that were begun, in order. */
  readonly segments: Segment[] = [];
  readonly #place: LoadPlace;
  readonly #table: TableName;
  readonly #refused: Refused;
  readonly #most: number;
  #load: CopyLoad | undefined;

  constructor(place: LoadPlace, table: TableName, refused: Refused, most = SEGMENTS) {
    this.#place = place;
    this.#table = table;
    this.#refused = refused;
    this.#most = place.staging === undefined ? Math.min(most, SEGMENTS) : 1;
  }

  /** No further segment has room in it. */
  get isFull(): boolean {
    return this.segments.length >= this.#most;
  }

  /** All that was added. */
  get slices(): Slice[] {
    return this.segments.flatMap(({ slices }) => slices);
  }

  /** The segment that rows are added to now. */
  get last(): Segment | undefined {
    return this.segments.at(-1);
  }

  /** What is added now is another segment; `isFull` says whether there may be one. */
  next(): void {
    const { last } = this;
    if (last?.rows === 0) return;
    if (last !== undefined) this.#load?.next();
    this.segments.push(new Segment(this.#place.plan));
  }

  /** Sends the rows of a slice; false, with nothing sent, where they need another format than those before. Rejects what cannot be encoded. */
  async add(slice: Slice): Promise<boolean> {
    const rows = sentRows(slice);
    const piece = this.#place.plan.encode(slice.entry.sent.batch.select(rows));
    if (this.#load !== undefined && piece.rows > 0 && this.#load.format !== piece.format) return false;
    for (const rejected of piece.rejected) {
      const index = rows[rejected.index] as number;
      slice.entry.rejected.set(index, { ...rejected, index });
    }
    if (this.last === undefined) this.next();
    const segment = this.last as Segment;
    segment.slices.push(slice);
    if (piece.rows === 0) return true;
    this.#load ??= await this.#start(piece.format);
    segment.rows += piece.rows;
    segment.bytes += piece.bytes;
    await this.#load.write(piece);
    return true;
  }

  /** The server's word that the rows are in. */
  async finish(context: Pick<SinkContext, 'counted'>): Promise<void> {
    const load = this.#load;
    if (load === undefined) return;
    for (let segments = this.segments.length; segments < this.#most; segments++) load.next();
    await load.finish();
    const merged = await this.#place.staging?.merge(load.rows);
    if (merged !== undefined) await this.#place.client.query(`RELEASE ${SAVEPOINT}`);
    context.counted({ ...(merged ?? { written: load.rows }), bytes: load.bytes });
  }

  async fail(reason: string): Promise<void> {
    await this.#load?.fail(reason);
  }

  /** After an error, if that refuses a row: the segments that are in, the refused one, and those that were not looked at. Throws what else it means. */
  divide(error: unknown, { counted }: Pick<SinkContext, 'counted'>): Division {
    const { plan, target } = this.#place;
    const refusal = rowRefusal(error, this.#table, plan.names);
    const load = this.#load;
    const taken = load === undefined || this.#place.staging !== undefined ? 0 : load.ended;
    const refused = this.segments[taken];
    if (refusal === undefined || refused === undefined || load === undefined)
      throw refusedRun(error, undefined, '', this.#table.shown, target);
    this.#refused.isOpen = true;
    const confirmed = this.segments.slice(0, taken);
    if (taken > 0) {
      const sum = (what: 'rows' | 'bytes'): number => confirmed.reduce((all, segment) => all + segment[what], 0);
      counted({ written: sum('rows'), bytes: sum('bytes') });
    }
    return { confirmed, refused, refusal, fault: refused.indexOfLine(refusal.line, load.format), behind: this.segments.slice(taken + 1) };
  }

  #start(format: CopyFormat): Promise<CopyLoad> {
    const first = this.#refused.isOpen ? `ROLLBACK TO ${SAVEPOINT}` : SAVEPOINT;
    this.#refused.isOpen = false;
    if (this.#place.staging !== undefined) return CopyLoad.startAhead(this.#place, format, copy => `${first}; ${copy}`);
    return CopyLoad.startAhead(this.#place, format, copy =>
      Array.from({ length: this.#most }, (_, i) => `${i === 0 ? first : SAVEPOINT}; ${copy}; RELEASE ${SAVEPOINT}`).join('; '),
    );
  }
}

export interface Division {
  readonly confirmed: readonly Segment[];
  readonly refused: Segment;
  readonly refusal: RowRefusal;
  /** The number of the row at fault among those that were sent of the refused segment, where the server named it. */
  readonly fault: number | undefined;
  readonly behind: readonly Segment[];
}

/** Goes back to before the refused segment, where nothing that is sent does it first. */
export async function takeBack({ client }: LoadPlace, refused: Refused): Promise<void> {
  if (!refused.isOpen) return;
  refused.isOpen = false;
  await client.query(`ROLLBACK TO ${SAVEPOINT}; RELEASE ${SAVEPOINT}`);
}

/** The rows behind a refused one are sent for nothing: so not too many at once. */
export const SEGMENTS = 8;
