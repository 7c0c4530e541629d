import { asMillraceError } from '../../errors.ts';
import { RecordBatch } from '../batch/batch.ts';
import type { DeadLetter } from '../contracts.ts';
import type { AnyBatch, Checkpoint, SinkContext, Writer } from '../define.ts';
import type { SinkStage } from '../run/stage.ts';
import { DEAD_LETTER_SCHEMA } from './rejects.ts';

/** What a sink beside the pipeline is given of its run. */
export type SideContext = Pick<SinkContext, 'signal' | 'jobId' | 'segmentBytes' | 'warn'>;

/** The place of the dead letters: any sink. Opened before the first record, so that a wrong place is known early. */
export class DeadLetterWriter {
  readonly #writer: Writer;
  readonly #refusals: string[];
  #queue: Promise<void> = Promise.resolve();
  #written = 0;

  private constructor(writer: Writer, refusals: string[]) {
    this.#writer = writer;
    this.#refusals = refusals;
  }

  static async open(stage: SinkStage, context: SideContext): Promise<DeadLetterWriter> {
    const refusals: string[] = [];
    const settle = (_batch: AnyBatch, rejected: readonly { reason: string }[] = []): void =>
      void refusals.push(...rejected.map(({ reason }) => reason));
    const writer = await stage.definition.open(
      stage.options,
      { ...context, schema: DEAD_LETTER_SCHEMA, hasDeadLetters: false, settle, release: () => undefined, counted: () => undefined },
      stage.given,
    );
    return new DeadLetterWriter(writer, refusals);
  }

  /** One call after the other; resolves when the next may come. */
  write(letters: readonly DeadLetter[]): Promise<void> {
    this.#written += letters.length;
    const rows = letters.map(letter => ({ ...letter, position: letter.position ?? null }));
    return this.#next(() => this.#writer.write(RecordBatch.of(rows, DEAD_LETTER_SCHEMA) as unknown as AnyBatch));
  }

  async commit(checkpoint: Checkpoint): Promise<void> {
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

  #check(): void {
    const [reason] = this.#refusals;
    if (reason !== undefined)
      throw asMillraceError(new Error(`the dead letters' own place refused one: ${reason}`), 'dead letters', 'IO_FAILED');
  }
}
