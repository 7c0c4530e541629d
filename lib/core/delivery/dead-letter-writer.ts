import { asMillraceError, MillraceError } from '../../errors.ts';
import { RecordBatch } from '../batch/batch.ts';
import type { DeadLetter } from '../contracts.ts';
import type { AnyBatch, Checkpoint, SinkContext, Writer } from '../define.ts';
import type { SinkStage } from '../run/stage.ts';
import { DEAD_LETTER_SCHEMA } from './rejects.ts';

/** What a sink beside the pipeline is given of its run. */
export type SideContext = Pick<SinkContext, 'signal' | 'jobId' | 'segmentBytes' | 'warn'>;

/** What the place says of the letters that it was given. */
interface Outcome {
  readonly unsettled: Set<AnyBatch>;
  readonly refusals: string[];
  /** Where it counts for itself. */
  counted: number | undefined;
}

/** The place of the dead letters: any sink. Opened before the first record, so that a wrong place is known early. */
export class DeadLetterWriter {
  readonly #writer: Writer;
  readonly #outcome: Outcome;
  #queue: Promise<void> = Promise.resolve();
  #written = 0;

  private constructor(writer: Writer, outcome: Outcome) {
    this.#writer = writer;
    this.#outcome = outcome;
  }

  static async open(stage: SinkStage, context: SideContext): Promise<DeadLetterWriter> {
    const outcome: Outcome = { unsettled: new Set(), refusals: [], counted: undefined };
    const settle: SinkContext['settle'] = (batch, rejected = []) => {
      outcome.unsettled.delete(batch);
      outcome.refusals.push(...rejected.map(({ reason }) => reason));
    };
    const counted: SinkContext['counted'] = ({ written, unchanged, superseded }) => {
      if (written === undefined && unchanged === undefined && superseded === undefined) return;
      outcome.counted = (outcome.counted ?? 0) + (written ?? 0) + (unchanged ?? 0) + (superseded ?? 0);
    };
    const writer = await stage.definition.open(
      stage.options,
      { ...context, schema: DEAD_LETTER_SCHEMA, hasDeadLetters: false, settle, release: () => undefined, counted },
      stage.given,
    );
    return new DeadLetterWriter(writer, outcome);
  }

  /** One call after the other; resolves when the next may come. */
  write(letters: readonly DeadLetter[]): Promise<void> {
    this.#written += letters.length;
    const rows = letters.map(letter => ({ ...letter, position: letter.position ?? null }));
    const batch = RecordBatch.of(rows, DEAD_LETTER_SCHEMA) as unknown as AnyBatch;
    this.#outcome.unsettled.add(batch);
    return this.#next(() => this.#writer.write(batch));
  }

  /** Nothing is made durable where there is no letter. */
  async commit(checkpoint: Checkpoint): Promise<void> {
    if (this.#written === 0) return;
    await this.#next(() => this.#writer.flush());
    this.#check();
    await this.#next(async () => void (await this.#writer.commit(checkpoint)));
  }

  /** Without a single letter no trace is left. */
  async close(): Promise<void> {
    await this.#next(() => (this.#written === 0 ? this.#writer.abort('nothing was rejected') : this.#writer.close()));
  }

  async abort(reason: unknown): Promise<void> {
    await this.#queue.catch(() => undefined);
    await this.#writer.abort(reason);
  }

  #next(call: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(call);
    return this.#queue;
  }

  /** Letters are counted like records: none may be refused, forgotten or lost. */
  #check(): void {
    const { refusals, unsettled, counted } = this.#outcome;
    const [reason] = refusals;
    if (reason !== undefined)
      throw asMillraceError(new Error(`the dead letters' own place refused one: ${reason}`), 'dead letters', 'IO_FAILED');
    if (unsettled.size > 0)
      throw new MillraceError('INTERNAL', `the dead letters' place flushed without settling ${unsettled.size} of its batches`, {
        stage: 'dead letters',
      });
    if (counted !== undefined && counted !== this.#written)
      throw new MillraceError('COUNTS_DIFFER', `the dead letters' place counted ${counted} of ${this.#written} letters`, {
        stage: 'dead letters',
      });
  }
}
