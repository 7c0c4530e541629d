import { asMillraceError, MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import type { Json } from '../batch/batch.ts';
import type { AnyBatch, Checkpoint, SinkContext, Writer } from '../define.ts';
import type { SinkStage } from '../run/stage.ts';

/** What a sink beside the pipeline is given of its run. */
export type SideContext = Pick<SinkContext, 'signal' | 'jobId' | 'segmentBytes' | 'warn' | 'keepsState' | 'resume'>;

/** A sink beside the one that the pipeline ends in. */
export interface SidePlace {
  /** What its state is called in checkpoints; and in messages. */
  readonly name: string;
  /** What goes there, in messages: `letters`. */
  readonly records: string;
  readonly stage: SinkStage;
  /** What comes, where that is known. */
  readonly schema: Schema | undefined;
}

/** What the sink says of the batches that it was given. */
interface Outcome {
  readonly unsettled: Set<AnyBatch>;
  readonly refusals: string[];
  /** Where it counts for itself. */
  counted: number | undefined;
}

/** How a sink takes what is committed in parts. */
export type InParts =
  /** It comes back to each of its commits: each record is there once. */
  | 'exactly-once'
  /** What it took stays: what is read again after a failure is there twice. */
  | 'at-least-once'
  /** All of it is committed at the end, or nothing. */
  | 'never';

export function inParts({ definition, options }: SinkStage): InParts {
  if (definition.states?.goesBack(options) === true) return 'exactly-once';
  return definition.guarantee === 'all-or-nothing' ? 'never' : 'at-least-once';
}

/**
 * A sink beside the pipeline's own, that is committed with it: first it, then the other with what it returned, so that whoever goes on finds both at the
 * same place. Opened with what the checkpoint holds of it, it goes back to there. It may refuse none of its records.
 */
export class SideSink {
  readonly #writer: Writer;
  readonly #outcome: Outcome;
  readonly #place: SidePlace;
  readonly #keepsState: boolean;
  /** Of the last commit. */
  #state: Json | undefined;
  #queue: Promise<void> = Promise.resolve();
  #written = 0;
  #committed = 0;

  private constructor(writer: Writer, outcome: Outcome, { place, keepsState, state }: Standing) {
    this.#writer = writer;
    this.#outcome = outcome;
    this.#place = place;
    this.#keepsState = keepsState;
    this.#state = state;
  }

  static async open(place: SidePlace, context: SideContext): Promise<SideSink> {
    const { stage, schema } = place;
    const outcome: Outcome = { unsettled: new Set(), refusals: [], counted: undefined };
    const settle: SinkContext['settle'] = (batch, rejected = []) => {
      outcome.unsettled.delete(batch);
      outcome.refusals.push(...rejected.map(({ reason }) => reason));
    };
    const counted: SinkContext['counted'] = ({ written, unchanged, superseded }) => {
      if (written === undefined && unchanged === undefined && superseded === undefined) return;
      outcome.counted = (outcome.counted ?? 0) + (written ?? 0) + (unchanged ?? 0) + (superseded ?? 0);
    };
    const { keepsState = false, resume, ...shared } = context;
    const doesKeep = keepsState && inParts(stage) === 'exactly-once';
    const state = doesKeep ? await standingState(place, context) : undefined;
    const writer = await stage.definition.open(
      stage.options,
      {
        ...shared,
        ...(doesKeep ? { keepsState: true as const } : {}),
        ...(doesKeep && resume !== undefined ? { resume } : {}),
        ...(state === undefined ? {} : { state }),
        schema,
        hasDeadLetters: false,
        settle,
        release: () => undefined,
        counted,
      },
      stage.given,
    );
    return new SideSink(writer, outcome, { place, keepsState: doesKeep, state });
  }

  /** One call after the other; resolves when the next may come. */
  write(batch: AnyBatch): Promise<void> {
    return this.#next(() => {
      this.#written += batch.length;
      this.#outcome.unsettled.add(batch);
      return this.#writer.write(batch);
    });
  }

  flush(): Promise<void> {
    return this.#next(() => this.#flush());
  }

  /** What it takes to come back to here; undefined where it never got a record, or does not come back. Nothing is done where nothing is new. */
  async commit(checkpoint: Checkpoint): Promise<Json | undefined> {
    await this.#next(async () => {
      const isLast = checkpoint.done === true || checkpoint.stopped === true;
      if (this.#isEmpty || (this.#written === this.#committed && !isLast)) return;
      await this.#flush();
      const state = await this.#writer.commit(checkpoint);
      this.#committed = this.#written;
      if (this.#keepsState) this.#state = state;
    });
    return this.#state;
  }

  /** Without a single record no trace is left. */
  async close(): Promise<void> {
    await this.#next(() => (this.#isEmpty ? this.#writer.abort('there was nothing for it') : this.#writer.close()));
  }

  /** What is committed stays where a run may go on from there. */
  async abort(reason: unknown): Promise<void> {
    await this.#queue.catch(() => undefined);
    await this.#writer.abort(reason);
  }

  get #isEmpty(): boolean {
    return this.#written === 0 && this.#state === undefined;
  }

  async #flush(): Promise<void> {
    await this.#writer.flush();
    this.#check();
  }

  #next(call: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(call);
    return this.#queue;
  }

  /** Its records are counted like others: none may be refused, forgotten or lost. */
  #check(): void {
    const { refusals, unsettled, counted } = this.#outcome;
    const { name, records } = this.#place;
    const [reason] = refusals;
    if (reason !== undefined) throw asMillraceError(new Error(`the ${name}' own place refused one: ${reason}`), name, 'IO_FAILED');
    if (unsettled.size > 0)
      throw new MillraceError('INTERNAL', `the ${name}' place flushed without settling ${unsettled.size} of its batches`, {
        stage: name,
      });
    if (counted !== undefined && counted !== this.#written)
      throw new MillraceError('COUNTS_DIFFER', `the ${name}' place counted ${counted} of ${this.#written} ${records}`, {
        stage: name,
      });
  }
}

interface Standing {
  readonly place: SidePlace;
  readonly keepsState: boolean;
  readonly state: Json | undefined;
}

/** Of a place that somebody took away since, or changed, nothing is gone back to: that is said, and what comes is written all the same. */
async function standingState({ name, stage }: SidePlace, { resume, jobId, signal, warn }: SideContext): Promise<Json | undefined> {
  const state = resume?.sinks[name];
  const { states, title } = stage.definition;
  if (state === undefined || (await states?.stands(stage.options, state, { jobId, signal }, stage.given)) === true) return state;
  if (resume?.done !== true)
    warn(`${name}: ${title?.(stage.options) ?? stage.kind} is not as the job had left it; what comes is added to what is there`);
  return undefined;
}
