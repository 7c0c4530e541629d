import { MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import type { Position } from '../batch/batch.ts';
import type { AnyBatch, Checkpoint, SourceContext } from '../define.ts';
import { type Barrier, Barriers } from '../delivery/barriers.ts';
import { cutShort, leftOut } from '../delivery/incomplete.ts';
import { type Guarantee, guaranteeOf } from '../delivery/guarantee.ts';
import { endOfFollowed, type FollowedLine, type Following, standOfFollowed } from '../delivery/following.ts';
import { differencesOf, type Job, jobOf, lookAlike } from '../delivery/job.ts';
import type { Refusals } from '../delivery/refusals.ts';
import type { SideContext } from '../delivery/side-sink.ts';
import { checkpointOf } from './checkpoint.ts';
import type { Line } from './layout.ts';
import type { RunningOperator } from './operator-context.ts';
import type { CheckedRunOptions } from './options.ts';
import type { SinkStream } from './sink-stream.ts';
import type { Tally } from './tally.ts';

/** What is known of the run. */
export interface CommitHooks {
  readonly line: Line;
  readonly options: Pick<CheckedRunOptions, 'checkpointEvery' | 'resume' | 'checkpoint' | 'job' | 'memory'>;
  readonly refusals: Refusals;
  readonly signal: AbortSignal;
  /** Those that run here, and the number of the first. */
  operators(): { readonly running: readonly RunningOperator[]; readonly first: number };
  /** The run is to end as it stands, but before the end of the source. */
  isDrained(): boolean;
  /** A stage needed no more of the source. */
  isStopped(): boolean;
  throwFailure(): void;
  warn(message: string): void;
  /** What is counted now, or was when the records up to a commit had passed. */
  tally(barrier?: Barrier): Tally;
}

/** A commit of the sink, with all that was counted for it. */
export interface Commit {
  /** By `performance.now()`. */
  readonly at: number;
  readonly checkpoint: Checkpoint;
  readonly tally: Tally;
}

/** Whether a run is to keep where it stands. */
export function wantsCheckpoint({ checkpoint, checkpointEvery, job, resume }: Omit<CommitHooks['options'], 'memory'>): boolean {
  return checkpoint ?? (resume || job !== undefined || checkpointEvery !== undefined);
}

/** What the sink's stream is told of them. */
export type SinkCommits = Pick<Commits, 'barriers' | 'incomplete' | 'isKept' | 'kept' | 'resumed' | 'part'>;

/**
 * When a run makes durable what it has done, and where it goes on: dead letters first, then the sink with the checkpoint, so that what is read again
 * after a failure is what nobody has.
 */
export class Commits {
  /** Where the run goes on; undefined: it begins at the beginning. */
  resumed: Checkpoint | undefined;
  /** Of an earlier run that came to its end, and behind which a source that follows reads on. */
  kept: Checkpoint | undefined;
  /** The sink stores what it is given. */
  isKept = false;
  barriers: Barriers | undefined;
  /** Everything is committed and visible: nothing can be taken back. */
  isDone = false;
  isWriterEnded = false;
  /** The rows of the whole run are committed. */
  isCommitted = false;
  /** Those that went well: the last one, and some that are so young that a server that crashes may lose them again. */
  recent: Commit[] = [];
  /** One that failed: whether the sink has it, the checkpoint that it keeps will tell. */
  inDoubt: Commit | undefined;
  /** How many there were before the end. */
  parts = 0;
  readonly #hooks: CommitHooks;
  readonly #following: Following | undefined;
  #job: Job | undefined;
  /** An operator that was stopped has given what it made of the first records: of the others it could only make the same again. */
  #gathers = false;
  #lastSeen: Position | undefined;

  constructor(hooks: CommitHooks) {
    this.#hooks = hooks;
    const { definition, options } = hooks.line.source;
    this.#following = definition.follows?.(options);
  }

  /** Why not all of the source will come, where that is known now. */
  get incomplete(): string | undefined {
    return cutShort(this.#hooks.line);
  }

  get jobId(): string {
    return this.#job?.id ?? '';
  }

  /** What the source is told: where to go on, and whether positions are looked at. */
  get where(): Pick<SourceContext, 'after' | 'positionEvery'> {
    const { after, barriers } = this;
    return {
      ...(after === undefined ? {} : { after }),
      ...(barriers === undefined ? {} : { positionEvery: barriers.every }),
    };
  }

  /** The position behind which the source reads. */
  get after(): Position | undefined {
    return (this.resumed ?? this.kept)?.source;
  }

  /** Sees each batch as the source gives it. */
  saw(batch: AnyBatch): void {
    this.barriers?.look(batch);
    this.#lastSeen = batch.position ?? this.#lastSeen;
  }

  /**
   * Before anything is read or opened: looks where the job stands, or forgets it. `running`: what the source leaves to be done. CHECKPOINT_DIFFERS where it
   * is no longer the same job.
   */
  async begin(schema: Schema | undefined, running: Line): Promise<void> {
    const { line, options, refusals, signal, warn } = this.#hooks;
    this.#gathers = running.operators.some(({ definition }) => definition.stream !== undefined && definition.positions !== 'forwarded');
    const { source, sink } = line;
    const { resume, job: name } = options;
    const alike = lookAlike(line, name !== undefined || resume);
    const following = this.#following;
    if (following !== undefined)
      return this.#follow({ line, following, rest: running.operators, isUnkept: options.checkpoint === false, alike });
    const keeper = !wantsCheckpoint(options) || alike !== undefined ? undefined : sink.definition.checkpoints;
    const input = keeper === undefined ? undefined : await source.definition.input?.(source.options, { signal }, source.given);
    const job = jobOf(line, { name, schema, input });
    this.#job = job;
    const stands = (await keeper?.look(sink.options, { job, resume, signal }, sink.given)) ?? {
      refusal: alike ?? `none is kept in ${sink.kind}`,
    };
    if ('refusal' in stands) {
      if (resume) warn(`the run begins at the beginning: there is no checkpoint (${stands.refusal})`);
      return;
    }
    this.isKept = true;
    const earlier = stands.forgotten ?? stands.checkpoint;
    if (earlier !== 'void' && earlier?.done === true) await refusals.finish(this.#sideContext(earlier));
    if (stands.commitsParts && keeper?.commitsParts(sink.options) === true) this.#commitParts();
    const found = stands.checkpoint;
    // Of another job, it only tells what differs.
    if (found !== 'void' && found !== undefined && found.job !== job.id && !mayBe(found, job)) return;
    if (found === 'void') return warn(BEGINS_VOID);
    this.resumed = found;
    const differences = found?.identity === undefined ? [] : differencesOf(found.identity, job);
    if (differences.length === 0) return;
    throw new MillraceError(
      'CHECKPOINT_DIFFERS',
      `the job is not what it was when it stopped: ${differences.join('; ')}; run it without resume to begin at the beginning`,
    );
  }

  /** They go back to where the run goes on. When the sink is open, where that is possible: it makes sure that nobody else is at the job. */
  async openSides(): Promise<void> {
    await this.#hooks.refusals.open(this.#sideContext(this.resumed));
  }

  /** Goes on behind the last run, whether it came to its end or not. */
  async #follow(followed: FollowedLine): Promise<void> {
    const { signal, warn, options, refusals } = this.#hooks;
    const found = await standOfFollowed(followed, { name: options.job, signal });
    const { job, commitsParts, checkpoint } = found;
    this.#job = job;
    this.isKept = true;
    if (commitsParts) this.#commitParts();
    if (checkpoint === 'void') return warn(BEGINS_VOID);
    if (checkpoint?.done === true) {
      this.kept = checkpoint;
      await refusals.finish(this.#sideContext(checkpoint));
    } else this.resumed = checkpoint;
  }

  /** Letters of rows that are committed may not go with a run that fails; and behind an operator that passes on no positions nobody ever gets to one. */
  #commitParts(): void {
    const { refusals, options } = this.#hooks;
    if (refusals.inParts !== 'never' && !this.#gathers) this.barriers = new Barriers(options.checkpointEvery);
  }

  /** In the middle of the run: the sink has flushed all up to this position. */
  async part(sink: SinkStream, position: Position): Promise<void> {
    const barrier = this.barriers?.take(position);
    // Where records are still on their way into another order, nobody could go on here.
    if (barrier?.isGivenUp === false && sink.writer !== undefined && sink.settlement.position === position) {
      const { running, first } = this.#hooks.operators();
      const standing = { job: this.#known(), source: position, operators: running, firstOperator: first, isDone: false };
      const checkpoint = checkpointOf({ ...standing, noted: barrier.noted });
      await this.#store(sink, { checkpoint, tally: this.#hooks.tally(barrier) });
      this.parts++;
    }
    this.#hooks.refusals.begin(barrier?.number ?? 0);
  }

  /** At its end: then all is closed too. */
  async all(sink: SinkStream): Promise<void> {
    this.#hooks.refusals.begin(Infinity);
    await this.#hooks.refusals.written();
    const isDrained = this.#hooks.isDrained();
    const ended = { isDrained, isStopped: this.#hooks.isStopped(), rejected: this.#hooks.refusals.count };
    const incomplete = this.incomplete ?? leftOut(ended);
    const { position } = sink.settlement;
    const isExact = sink.settlement.isExact && !(isDrained && (this.#gathers || this.#keepsTooMuch));
    const known = position ?? this.after;
    const end = { isDrained, isStopped: ended.isStopped, isExact, position: known, last: this.#lastSeen };
    const source = this.#following === undefined ? (isExact ? known : undefined) : endOfFollowed(this.#following, end);
    const checkpoint = this.checkpoint(source);
    const last = { ...checkpoint, ...(isDrained ? { stopped: true as const } : {}), ...(incomplete === undefined ? {} : { incomplete }) };
    await this.#store(sink, { checkpoint: last, tally: this.#hooks.tally() });
    this.isCommitted = true;
    if (this.isKept && isDrained) this.#hooks.warn(checkpoint.source === undefined ? CANNOT_GO_ON : GOES_ON);
    await this.#hooks.refusals.close();
    this.isWriterEnded = true;
    await sink.writer?.close();
    this.isDone = true;
  }

  /** What a run promises that has committed in between, or has not. */
  guarantee(isInParts: boolean): Guarantee {
    const { line, refusals } = this.#hooks;
    return guaranteeOf({ sink: line.sink.definition.guarantee, isInParts, letters: refusals.inParts });
  }

  /** Records that are in the target whatever becomes of the run. What a sink without checkpoints has committed it may still take back. */
  get committed(): number {
    return this.isKept ? (this.recent.at(-1)?.tally.written ?? 0) : 0;
  }

  /** Of now. */
  checkpoint(source: Position | undefined): Checkpoint {
    const { running, first } = this.#hooks.operators();
    return checkpointOf({ job: this.#known(), source, operators: running, firstOperator: first, isDone: !this.#hooks.isDrained() });
  }

  async #store(sink: SinkStream, commit: Omit<Commit, 'at'>): Promise<void> {
    const { writer } = sink;
    const { checkpoint, tally } = commit;
    if (writer === undefined) throw new MillraceError('INTERNAL', 'a sink was never opened');
    const sinks = await this.#hooks.refusals.commit(checkpoint);
    this.#hooks.throwFailure();
    const at = performance.now();
    const whole = { at, tally, checkpoint: { ...checkpoint, sinks } };
    this.inDoubt = whole;
    await writer.commit(whole.checkpoint);
    this.inDoubt = undefined;
    this.recent = [...this.recent.filter(earlier => at - earlier.at < MAY_BE_LOST_MS), whole];
  }

  #sideContext(resume: Checkpoint | undefined): SideContext {
    const { signal, warn, options } = this.#hooks;
    return {
      signal,
      warn,
      jobId: this.jobId,
      segmentBytes: Math.floor(options.memory / 2),
      ...(this.isKept ? { keepsState: true } : {}),
      ...(resume === undefined ? {} : { resume }),
    };
  }

  get #keepsTooMuch(): boolean {
    return this.#hooks.operators().running.some(({ savedState }) => savedState !== undefined && savedState.save() === undefined);
  }

  #known(): Job {
    return this.#job ?? jobOf(this.#hooks.line, {});
  }
}

/** Whether a checkpoint that is kept by another id is that of the same job, changed. */
function mayBe({ identity }: Checkpoint, job: Job): boolean {
  return identity !== undefined && identity.name === job.name && differencesOf(identity, job).length > 0;
}

/** A server that does not wait for its disk at a commit has it there soon after. */
const MAY_BE_LOST_MS = 10_000;

const BEGINS_VOID = 'the run begins at the beginning: what its checkpoint was of is not there any more';
const GOES_ON = 'the run was stopped: with resume (--resume) it goes on, and ends what is done last (keys, indexes, SQL after)';
const CANNOT_GO_ON = 'the run was stopped where it cannot go on: what was read is committed, and another run begins at the beginning';
