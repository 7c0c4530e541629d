import type { Locator } from '../../../core/batch/locator.ts';
import type { AnyBatch, SinkContext } from '../../../core/define.ts';
import { MillraceError } from '../../../errors.ts';
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
  readonly lines: number;
  /** Of the COPY. */
  readonly rowsBefore: number;
  readonly linesBefore: number;
}

/**
 * All batches in one COPY, for a run that a refused row ends. Nothing is kept: a batch is settled when its bytes have left, and when the
 * server refuses one after all, writing or flushing fails and nothing is committed.
 */
export class StreamedCopy implements RowLoader {
  #place: LoadPlace;
  #table: TableName;
  readonly #context: SinkContext;
  #load: CopyLoad | undefined;
  /** Rows of the COPYs before, and lines of this one. */
  #rowsBefore = 0;
  #lines = 0;
  /** Rows in the staging table that nobody has taken from there. */
  #staged = 0;
  readonly #seen: (piece: CopyPiece) => void;
  #lineMeant = (line: number): number => line;
  /** Whose bytes wait in the socket. */
  readonly #leaving = new Set<AnyBatch>();
  #remembered: Remembered[] = [];
  #rememberedBytes = 0;

  /** `seen` gets what is handed over. */
  constructor(place: LoadPlace, table: TableName, context: SinkContext, seen: (piece: CopyPiece) => void = () => undefined) {
    this.#place = place;
    this.#table = table;
    this.#context = context;
    this.#seen = seen;
  }

  async write(batch: AnyBatch): Promise<void> {
    const reduced = this.#place.plan.reduce(batch);
    const piece = this.#place.plan.encode(reduced.batch);
    const [refused] = piece.rejected;
    if (refused !== undefined) {
      const row = this.#rowsBefore + (this.#load?.rows ?? 0) + refused.index + 1;
      const place = placeText(batch.locate(refused.index), row);
      throw new MillraceError('ROW_REFUSED', `table ${this.#table.shown} cannot take ${place}: ${refused.reason} (${refused.code})`);
    }
    if (this.#load !== undefined && this.#load.format !== piece.format) await this.#end();
    try {
      this.#load ??= await this.#start(batch, piece);
      this.#remember(batch, this.#load.rows, piece);
      this.#seen(piece);
      this.#place.losses.add(reduced);
      // Of all others nobody knows how long they look at what they were given.
      if (!this.#load.sendsAway || piece.format === 'csv') batch.keep();
      this.#leaving.add(batch);
      const { sendsAway } = this.#load;
      await this.#load.write(piece, () => {
        if (sendsAway) piece.giveBack?.();
        this.#left(batch);
      });
    } catch (error) {
      throw this.failed(error);
    }
  }

  async flush(): Promise<void> {
    await this.#end();
  }

  takeStaged(): number {
    const staged = this.#staged;
    this.#staged = 0;
    return staged;
  }

  /** What comes goes there; all before was flushed. */
  moveTo(place: LoadPlace, table: TableName): void {
    this.#place = place;
    this.#table = table;
  }

  async fail(reason: string): Promise<void> {
    const load = this.#load;
    this.#load = undefined;
    await load?.fail(reason);
  }

  async #end(): Promise<void> {
    const load = this.#load;
    if (load === undefined) return;
    try {
      await load.finish();
    } catch (error) {
      throw this.failed(error);
    }
    // The server has counted all of it.
    for (const batch of this.#leaving) this.#left(batch);
    const { rows, bytes } = load;
    if (this.#place.staging === undefined) this.#context.counted({ written: rows, bytes });
    else {
      this.#staged += rows;
      this.#context.counted({ bytes });
    }
    this.#rowsBefore += load.rows;
    this.#load = undefined;
    this.#remembered = [];
    this.#rememberedBytes = 0;
  }

  #left(batch: AnyBatch): void {
    if (this.#leaving.delete(batch)) this.#context.settle(batch);
  }

  #start(first: AnyBatch, { format }: CopyPiece): Promise<CopyLoad> {
    this.#lines = 0;
    this.#lineMeant = this.#place.plan.lineMeant(format, first);
    return CopyLoad.start(this.#place, format);
  }

  #remember(batch: AnyBatch, rowsBefore: number, { format, lines, bytes }: CopyPiece): void {
    const linesBefore = this.#lines;
    this.#lines += lines;
    this.#remembered.push({ batch: format === 'csv' ? batch : undefined, locate: batch.locator, bytes, lines, rowsBefore, linesBefore });
    this.#rememberedBytes += bytes;
    while (this.#remembered.length > 1 && this.#rememberedBytes > REMEMBERED_BYTES) {
      this.#rememberedBytes -= this.#remembered.shift()?.bytes ?? 0;
    }
  }

  /** What an error of the server means. */
  failed(error: unknown): MillraceError {
    const load = this.#load;
    this.#load = undefined;
    const refusal = rowRefusal(error, this.#table, this.#place.plan.names);
    const place = refusal?.line === undefined || load === undefined ? 'a row' : this.#placeOf(refusal.line, load);
    return refusedRun(error, refusal, place, this.#table.shown, this.#place.target);
  }

  #placeOf(named: number, { format }: CopyLoad): string {
    const line = this.#lineMeant(named);
    for (const { batch, locate, lines, rowsBefore, linesBefore } of this.#remembered) {
      if (line <= linesBefore || line > linesBefore + lines) continue;
      const row = batch === undefined ? line - linesBefore - 1 : this.#place.plan.rowOfLine(line - linesBefore, format, batch);
      if (row !== undefined) return placeText(locate(row), this.#rowsBefore + rowsBefore + row + 1);
    }
    return format === 'csv' ? `line ${line} of the CSV handed to it` : placeText(undefined, this.#rowsBefore + line);
  }
}
