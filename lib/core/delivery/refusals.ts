import type { MillraceError } from '../../errors.ts';
import type { Json } from '../batch/batch.ts';
import { RecordBatch } from '../batch/batch.ts';
import type { DeadLetter } from '../contracts.ts';
import type { AnyBatch, Checkpoint } from '../define.ts';
import type { RejectGroup } from '../run/report.ts';
import type { SinkStage } from '../run/stage.ts';
import { DEAD_LETTER_SCHEMA, Rejects } from './rejects.ts';
import { type InParts, inParts, type SideContext, type SidePlace, SideSink } from './side-sink.ts';

/** What the state of their place is called in a checkpoint. */
const NAME = 'dead letters';

/** What becomes of the refused records of one run: counted, bounded by the policy, and kept where there is a place for dead letters. */
export class Refusals {
  readonly #place: SidePlace | undefined;
  readonly #rejects: Rejects;
  #sink: SideSink | undefined;
  #isCommitted = false;
  /** The run is over: an operator that is still at work has nowhere to send its rejects. */
  #isAborted = false;

  constructor(stage: SinkStage | undefined, maxRejected: number | string | undefined) {
    this.#place = stage && { name: NAME, records: 'letters', stage, schema: DEAD_LETTER_SCHEMA };
    this.#rejects = new Rejects(stage !== undefined, maxRejected);
  }

  get hasPlace(): boolean {
    return this.#place !== undefined;
  }

  get stage(): SinkStage | undefined {
    return this.#place?.stage;
  }

  /** How their place takes a run that commits in between; undefined where there is none. */
  get inParts(): InParts | undefined {
    return this.#place && inParts(this.#place.stage);
  }

  get count(): number {
    return this.#rejects.count;
  }

  /** By cause, most frequent first. */
  groups(): RejectGroup[] {
    return this.#rejects.groups();
  }

  /** Those of records behind a barrier, which are not committed with what is under way, left out. */
  groupsOfPart(): RejectGroup[] {
    return this.#rejects.groupsOfPart();
  }

  async open(context: SideContext): Promise<void> {
    if (this.#place !== undefined) this.#sink = await SideSink.open(this.#place, context);
  }

  /** Of a job that is done: what its last run may have left to be done. */
  async finish(context: SideContext): Promise<void> {
    if (this.#place === undefined || context.resume?.sinks[NAME] === undefined) return;
    await (await SideSink.open(this.#place, context)).close();
  }

  /** Throws where the policy says that the run ends here. `part`: that of the run which it belongs to; the one under way by default. */
  take(letter: DeadLetter, part?: number): void {
    this.#rejects.take(letter, part);
  }

  /** The part under way: letters of later ones wait for it to be committed. */
  begin(part: number): void {
    this.#rejects.part = part;
  }

  /** Resolves once all that were taken are with their sink; undefined where none waits. */
  written(): Promise<void> | undefined {
    return this.#rejects.hasWaiting && !this.#isAborted ? this.#sink?.write(batchOf(this.#rejects.waiting())) : undefined;
  }

  /** Gives what the checkpoint is to hold of them. */
  async commit(checkpoint: Checkpoint): Promise<{ readonly [name: string]: Json }> {
    const state = await this.#sink?.commit(checkpoint);
    return state === undefined ? {} : { [NAME]: state };
  }

  /** The sink has committed too: from here on nothing is taken back. */
  async close(): Promise<void> {
    this.#isCommitted = true;
    await this.#sink?.close();
  }

  /** The run failed. Too many rejects: the letters explain why, so they stay. In every other failure they go with the rest. */
  async abort(failure: MillraceError, checkpoint: Checkpoint): Promise<void> {
    const sink = this.#sink;
    if (sink === undefined || this.#isCommitted) return;
    this.#rejects.part = Infinity;
    const written = failure.code === 'TOO_MANY_REJECTED' ? this.written() : undefined;
    this.#isAborted = true;
    if (failure.code !== 'TOO_MANY_REJECTED') return sink.abort(failure);
    try {
      await written;
      await sink.commit({ ...checkpoint, stopped: true });
    } catch (error) {
      await sink.abort(failure);
      throw error;
    }
    await sink.close();
  }
}

function batchOf(letters: readonly DeadLetter[]): AnyBatch {
  const rows = letters.map(letter => ({ ...letter, position: letter.position ?? null }));
  return RecordBatch.of(rows, DEAD_LETTER_SCHEMA) as unknown as AnyBatch;
}
