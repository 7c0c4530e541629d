import type { Locator } from '../../core/batch/batch.ts';
import type { AnyBatch, SinkContext } from '../../core/define.ts';
import { MillraceError } from '../../errors.ts';
import { CopyLoad, type LoadPlace } from './copy-load.ts';
import type { CopyPiece } from './copy-plan.ts';
import { placeText, refusedRun, rowRefusal } from './row-refusal.ts';
import type { RowLoader, TableName } from './row-loader.ts';

/** The places of so many bytes of rows are remembered, so that a refused row can be named; the server is never further behind. */
const REMEMBERED_BYTES = 4 * 1024 * 1024;

interface Remembered {
  /** CSV only: what the lines are counted in. Rows in other formats are not kept. */
  readonly batch: AnyBatch | undefined;
  readonly locate: Locator;
  readonly bytes: number;
  /** Rows of the COPY before it, and lines, where they are the same. */
  readonly rowsBefore: number;
  readonly rows: number;
}

/**
 * All batches in one COPY, for a run that a refused row ends. Nothing is kept: a batch is settled when its bytes are handed over, and when the
 * server refuses one after all, writing or flushing fails and nothing is committed.
 */
export class StreamedCopy implements RowLoader {
  readonly #place: LoadPlace;
  readonly #table: TableName;
  readonly #context: SinkContext;
  #load: CopyLoad | undefined;
  #rowsBefore = 0;
  #remembered: Remembered[] = [];
  #rememberedBytes = 0;

  constructor(place: LoadPlace, table: TableName, context: SinkContext) {
    this.#place = place;
    this.#table = table;
    this.#context = context;
  }

  async write(batch: AnyBatch): Promise<void> {
    const piece = this.#place.plan.encode(batch);
    const [refused] = piece.rejected;
    if (refused !== undefined) {
      const row = this.#rowsBefore + (this.#load?.rows ?? 0) + refused.index + 1;
      const place = placeText(batch.locate(refused.index), row);
      throw new MillraceError('ROW_REFUSED', `table ${this.#table.shown} cannot take ${place}: ${refused.reason} (${refused.code})`);
    }
    if (this.#load !== undefined && this.#load.format !== piece.format) await this.flush();
    try {
      this.#load ??= await CopyLoad.start(this.#place, piece.format);
      this.#remember(batch, this.#load.rows, piece);
      await this.#load.write(piece);
    } catch (error) {
      throw this.#failed(error);
    }
    this.#context.settle(batch);
  }

  async flush(): Promise<void> {
    const load = this.#load;
    if (load === undefined) return;
    try {
      await load.finish();
    } catch (error) {
      throw this.#failed(error);
    }
    this.#context.counted({ written: load.rows, bytes: load.bytes });
    this.#rowsBefore += load.rows;
    this.#load = undefined;
    this.#remembered = [];
    this.#rememberedBytes = 0;
  }

  async fail(reason: string): Promise<void> {
    const load = this.#load;
    this.#load = undefined;
    await load?.fail(reason);
  }

  #remember(batch: AnyBatch, rowsBefore: number, { format, rows, bytes }: CopyPiece): void {
    this.#remembered.push({ batch: format === 'csv' ? batch : undefined, locate: batch.locator, rowsBefore, rows, bytes });
    this.#rememberedBytes += bytes;
    while (this.#remembered.length > 1 && this.#rememberedBytes > REMEMBERED_BYTES) {
      this.#rememberedBytes -= this.#remembered.shift()?.bytes ?? 0;
    }
  }

  #failed(error: unknown): MillraceError {
    const load = this.#load;
    this.#load = undefined;
    const refusal = rowRefusal(error, this.#table.bare, this.#place.plan.names);
    const place = refusal?.line === undefined || load === undefined ? 'a row' : this.#placeOf(refusal.line, load);
    return refusedRun(error, refusal, place, this.#table.shown, this.#place.target);
  }

  /** A CSV record may have several lines: there the server's line says nothing of a row unless all of the COPY is still remembered. */
  #placeOf(line: number, { format }: CopyLoad): string {
    const { plan } = this.#place;
    if (format === 'csv' && this.#remembered[0]?.rowsBefore !== 0) return `line ${line} of the CSV handed to it`;
    let linesBefore = this.#remembered[0]?.rowsBefore ?? 0;
    for (const { batch, locate, rowsBefore, rows } of this.#remembered) {
      const lines = batch === undefined ? rows : plan.lines(format, batch, rows);
      if (line > linesBefore && line <= linesBefore + lines) {
        const row = batch === undefined ? line - linesBefore - 1 : plan.rowOfLine(line - linesBefore, format, batch);
        if (row !== undefined) return placeText(locate(row), this.#rowsBefore + rowsBefore + row + 1);
      }
      linesBefore += lines;
    }
    return placeText(undefined, this.#rowsBefore + line);
  }
}
