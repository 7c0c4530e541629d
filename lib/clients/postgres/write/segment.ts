import type { SinkContext } from '../../../core/define.ts';
import { CopyLoad, type LoadPlace } from './copy-load.ts';
import { refusedRun, type RowRefusal, rowRefusal } from './row-refusal.ts';
import type { TableName } from './row-loader.ts';
import { type Slice, sentRows } from './segment-slices.ts';

const SAVEPOINT = 'millrace_segment';

/** One COPY behind a savepoint: it can be taken back. */
export class Segment {
  /** What was added to it, in order. */
  readonly slices: Slice[] = [];
  readonly #place: LoadPlace;
  readonly #table: TableName;
  #load: CopyLoad | undefined;

  constructor(place: LoadPlace, table: TableName) {
    this.#place = place;
    this.#table = table;
  }

  get rows(): number {
    return this.#load?.rows ?? 0;
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
    this.slices.push(slice);
    if (piece.rows === 0) return true;
    if (this.#load === undefined) {
      await this.#place.client.query(`SAVEPOINT ${SAVEPOINT}`);
      this.#load = await CopyLoad.start(this.#place, piece.format);
    }
    await this.#load.write(piece);
    return true;
  }

  /** The server's word that the rows are in. */
  async finish({ counted }: Pick<SinkContext, 'counted'>): Promise<void> {
    if (this.#load === undefined) return;
    const { rows, bytes } = this.#load;
    await this.#load.finish();
    const merged = await this.#place.staging?.merge(rows);
    await this.#place.client.query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
    counted({ ...(merged ?? { written: rows }), bytes });
  }

  async fail(reason: string): Promise<void> {
    await this.#load?.fail(reason);
  }

  /** Takes it back after an error, if that refuses a row; throws what else it means. */
  async takeBack(error: unknown): Promise<RowRefusal> {
    const { client, plan, target } = this.#place;
    const refusal = rowRefusal(error, this.#table, plan.names);
    if (refusal === undefined) throw refusedRun(error, undefined, '', this.#table.shown, target);
    await client.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}; RELEASE SAVEPOINT ${SAVEPOINT}`);
    return refusal;
  }

  /** Which of its rows (counted over the slices, from 0) a line of the COPY is. */
  indexOfLine(line: number | undefined): number | undefined {
    if (line === undefined || this.#load === undefined) return undefined;
    const { plan } = this.#place;
    const { format } = this.#load;
    let meant: number | undefined;
    let linesBefore = 0;
    let rowsBefore = 0;
    for (const slice of this.slices) {
      const sent = slice.entry.batch.select(sentRows(slice));
      if (sent.length === 0) continue;
      meant ??= plan.lineMeant(format, sent)(line);
      const lines = plan.lines(format, sent, sent.length);
      const row = meant <= linesBefore + lines ? plan.rowOfLine(meant - linesBefore, format, sent) : undefined;
      if (row !== undefined) return rowsBefore + row;
      linesBefore += lines;
      rowsBefore += sent.length;
    }
    return undefined;
  }
}
