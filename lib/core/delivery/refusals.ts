import type { MillraceError } from '../../errors.ts';
import type { DeadLetter } from '../contracts.ts';
import type { Checkpoint } from '../define.ts';
import type { RejectGroup } from '../run/report.ts';
import type { SinkStage } from '../run/stage.ts';
import { DeadLetterWriter, type SideContext } from './dead-letter-writer.ts';
import { Rejects } from './rejects.ts';

/** What becomes of the refused records of one run: counted, bounded by the policy, and kept where there is a place for dead letters. */
export class Refusals {
  readonly #place: SinkStage | undefined;
  readonly #rejects: Rejects;
  #writer: DeadLetterWriter | undefined;
  #isCommitted = false;
  /** The run is over: an operator that is still at work has nowhere to send its rejects. */
  #isAborted = false;

  constructor(place: SinkStage | undefined, maxRejected: number | string | undefined) {
    this.#place = place;
    this.#rejects = new Rejects(place !== undefined, maxRejected);
  }

  get hasPlace(): boolean {
    return this.#place !== undefined;
  }

  get count(): number {
    return this.#rejects.count;
  }

  /** By cause, most frequent first. */
  groups(): RejectGroup[] {
    return this.#rejects.groups();
  }

  async open(context: SideContext): Promise<void> {
    if (this.#place !== undefined) this.#writer = await DeadLetterWriter.open(this.#place, context);
  }

  /** Throws where the policy says that the run ends here. */
  take(letter: DeadLetter): void {
    this.#rejects.take(letter);
  }

  /** Resolves once all that were taken are with their writer; undefined where none waits. */
  written(): Promise<void> | undefined {
    return this.#rejects.hasWaiting && !this.#isAborted ? this.#writer?.write(this.#rejects.waiting()) : undefined;
  }

  async commit(checkpoint: Checkpoint): Promise<void> {
    await this.#writer?.commit(checkpoint);
  }

  /** The sink has committed too: from here on nothing is taken back. */
  async close(): Promise<void> {
    this.#isCommitted = true;
    await this.#writer?.close();
  }

  /** The run failed. Too many rejects: the letters explain why, so they stay. In every other failure they go with the rest. */
  async abort(failure: MillraceError, checkpoint: Checkpoint): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined || this.#isCommitted) return;
    const written = failure.code === 'TOO_MANY_REJECTED' ? this.written() : undefined;
    this.#isAborted = true;
    if (failure.code !== 'TOO_MANY_REJECTED') return writer.abort(failure);
    try {
      await written;
      await writer.commit(checkpoint);
    } catch (error) {
      await writer.abort(failure);
      throw error;
    }
    await writer.close();
  }
}
