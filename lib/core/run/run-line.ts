import type { Duplex } from 'node:stream';
import { asMillraceError, MillraceError } from '../../errors.ts';
import type { Services } from '../spill.ts';
import { Refusals } from '../delivery/refusals.ts';
import { FlowAccount } from './account.ts';
import { checkCounts, checkShare } from './check-counts.ts';
import { join, type Joined } from './connect.ts';
import { loadStates } from './checkpoint.ts';
import type { Course, Ending } from './attempt.ts';
import type { Touched } from './begins-again.ts';
import { Commits } from './commits.ts';
import { StageCounter } from './counter.ts';
import { deadLetterStage } from './face.ts';
import { keepsNothing, type Line, type Schemas, schemasOf } from './layout.ts';
import { type RunningOperator, StateAccount } from './operator-context.ts';
import { type LineHooks, openOperators } from './operator-line.ts';
import { LateColumns } from './late-columns.ts';
import { listen } from './listen.ts';
import type { CheckedRunOptions } from './options.ts';
import { failUnfinished } from './pending-runs.ts';
import { pushDown, schemasBehind } from './pushdown.ts';
import { SinkStream } from './sink-stream.ts';
import { emptyCount, sourceContext } from './source-context.ts';
import { SourceStream } from './source-stream.ts';
import { type Counting, noteRead, tallyOf } from './tally.ts';
import { untilAborted } from './until-aborted.ts';
import { abortController, aborted, timeout } from './waiting.ts';

/** One attempt to run a line. */
export class Run {
  readonly #line: Line;
  /** What runs here: without the operators that the source does. */
  #running: Line;
  readonly #options: CheckedRunOptions;
  readonly #services: Services;
  readonly #course: Course;
  readonly #abort = abortController();
  readonly #account: FlowAccount;
  readonly #refusals: Refusals;
  readonly #warn = (message: string): void => this.#course.warn(message);
  readonly #counters: StageCounter[];
  #operators: readonly RunningOperator[] = [];
  readonly #sourceCount = emptyCount();
  readonly #suppressed: Error[] = [];
  #failure: MillraceError | undefined;
  #source: SourceStream | undefined;
  #sink: SinkStream | undefined;
  #joined: Joined | undefined;
  #preparing: Promise<void> = Promise.resolve();
  #late: LateColumns | undefined;
  readonly commits: Commits;
  #isDrained = false;
  #isSettled = true;

  constructor(line: Line, options: CheckedRunOptions, services: Services, course: Course) {
    this.#services = services;
    this.#course = course;
    this.#line = line;
    this.#running = line;
    this.#options = options;
    this.#account = new FlowAccount(options.memory, () => this.#sink?.letGo());
    const place = options.deadLetter === undefined ? undefined : deadLetterStage(options.deadLetter);
    this.#refusals = new Refusals(place, options.maxRejected);
    this.commits = new Commits({
      line,
      options,
      refusals: this.#refusals,
      signal: this.#abort.signal,
      operators: () => ({ running: this.#operators, first: this.#pushed }),
      isDrained: () => this.#isDrained,
      isStopped: () => this.#source?.isStopped === true,
      throwFailure: () => this.#throwFailure(),
      warn: this.#warn,
      tally: barrier => tallyOf(this.counting, barrier),
    });
    this.#counters = [line.source, ...line.operators, line.sink].map(({ kind }) => new StageCounter(kind));
  }

  /** Resolves when everything is released. `begun`: what it needs is open. */
  async settle(begun: () => void): Promise<Ending> {
    const stopListening = this.#listen();
    try {
      this.#preparing = this.#prepare();
      await Promise.race([this.#preparing, aborted(this.#abort.signal)]);
      this.#throwFailure();
      begun();
      await Promise.race([this.#joined?.closed, aborted(this.#abort.signal)]);
      this.#throwFailure();
    } catch (error) {
      this.#fail(error);
    }
    if (this.#failure !== undefined) await this.#takeDown();
    stopListening();
    // Too late, what is written stays, or before anything began: neither is said to have failed.
    if ((this.commits.isDone || (this.#isDrained && this.#source === undefined)) && this.#failure?.code === 'CANCELLED')
      this.#failure = undefined;
    return { failure: this.#failure, suppressed: this.#suppressed, isDrained: this.#isDrained, isSettled: this.#isSettled };
  }

  /** What it has counted so far. */
  get counting(): Counting {
    return { counters: this.#counters, sink: this.#sink, refusals: this.#refusals, source: this.#sourceCount };
  }

  get touched(): Touched {
    const { count, stage } = this.#refusals;
    return {
      isRead: this.#source?.isOpen === true,
      isSinkOpen: this.#sink?.writer !== undefined,
      // They are opened when the sink is.
      deadLetter: this.#source === undefined ? undefined : stage,
      letters: count,
    };
  }

  async #prepare(): Promise<void> {
    const { source, operators } = this.#line;
    this.#throwFailure();
    const { signal } = this.#abort;
    const described = source.definition.describe?.(source.options, { signal }, source.given);
    const first = described === undefined ? undefined : await untilAborted(described, signal);
    const whole = schemasOf(operators, first);
    const { line, count } = pushDown(this.#line, first);
    const schemas = schemasBehind(whole, count);
    this.#running = line;
    for (const counter of this.#counters.slice(1, count + 1)) counter.isPushed = true;
    await this.commits.begin(first, line);
    this.#course.begins(this.commits.resumed ?? this.commits.kept);
    this.#throwFailure();
    if (this.commits.resumed?.done === true) return this.#warn('the job was finished by an earlier run: nothing was read');
    this.#sink = this.#makeSink(schemas);
    // It makes sure that nobody else is at the job.
    await this.#sink.openEarly();
    this.#throwFailure();
    await this.commits.openSides();
    this.#throwFailure();
    this.#source = this.#makeSource(schemas);
    const between = this.#makeOperators(schemas);
    this.#joined = join(this.#source, between, this.#sink, error => this.#fail(error));
  }

  #makeSource(schemas: Schemas): SourceStream {
    const { source, operators } = this.#running;
    if (schemas.inputs.length > 0 && schemas.inputs[0] === undefined) this.#late = new LateColumns(operators);
    const context = sourceContext(this.#running, schemas, this.#options, this.#sourceCount, this.#warn);
    const { where } = this.commits;
    return new SourceStream({
      account: this.#account,
      counter: this.#counters[0] as StageCounter,
      look: batch => {
        this.#late?.look(batch);
        this.commits.saw(batch);
        noteRead(this.commits.barriers?.at(batch.position), batch.length, this.counting);
      },
      reusesMemory: keepsNothing(this.#running),
      read: signal => source.definition.read(source.options, { ...context, ...where, signal }, source.given),
    });
  }

  #makeOperators(schemas: Schemas): readonly Duplex[] {
    const { batchRows, batchBytes, batchDelayMs, stateMemory, spillFolder } = this.#options;
    const { openSpill } = this.#services;
    const hooks: LineHooks = {
      signal: this.#abort.signal,
      batchRows,
      batchBytes,
      batchDelayMs,
      state: new StateAccount(stateMemory),
      openSpill: openSpill && (() => openSpill(spillFolder)),
      account: this.#account,
      schemas,
      counters: this.#counters.slice(1 + this.#pushed, -1),
      take: (letter, _stage, part) => this.#refusals.take(letter, part),
      rejectsWritten: () => this.#refusals.written(),
      stop: () => this.#source?.stop(),
      warn: (_kind, message) => this.#warn(message),
      barriers: this.commits.barriers,
    };
    const { streams, operators, calls } = openOperators(this.#running.operators, hooks, this.#sink?.each);
    this.#operators = operators;
    if (this.commits.resumed !== undefined) loadStates(this.commits.resumed, operators, this.#pushed);
    if (this.#sink !== undefined) this.#sink.calls = calls;
    return streams;
  }

  #makeSink(schemas: Schemas): SinkStream {
    return new SinkStream({
      stage: this.#line.sink,
      account: this.#account,
      counter: this.#counters.at(-1) as StageCounter,
      schema: schemas.output,
      hint: schemas.hint,
      hasDeadLetters: this.#refusals.hasPlace,
      take: letter => this.#refusals.take(letter),
      rejectsWritten: () => this.#refusals.written(),
      finish: sink => this.#commit(sink),
      commits: this.commits,
      signal: this.#abort.signal,
      jobId: this.commits.jobId,
      retryForMs: this.#options.retryFor,
      warn: this.#warn,
    });
  }

  /** All is written and flushed: counts are compared, then dead letters are committed, then the sink. */
  async #commit(sink: SinkStream): Promise<void> {
    await Promise.race([this.#joined?.allBeforeSinkClosed, aborted(this.#abort.signal)]);
    this.#throwFailure();
    const source = { counter: this.#counters[0] as StageCounter, isStopped: this.#source?.isStopped === true, ...this.#sourceCount };
    checkShare(this.#options.maxRejected, this.#refusals.count, source.counter.out);
    checkCounts(source, this.#operators, sink, this.#line.sink.kind);
    if (this.#late?.missing !== undefined && !source.isStopped) this.#warn(`no record had it: ${this.#late.missing}`);
    await this.commits.all(sink);
  }

  /** How many operators the source does. */
  get #pushed(): number {
    return this.#line.operators.length - this.#running.operators.length;
  }

  #fail(thrown: unknown): void {
    const error = asMillraceError(thrown);
    if (this.#failure === undefined) {
      this.#failure = error;
      this.#abort.abort(error);
    } else if (error !== this.#failure && !this.#suppressed.includes(error)) this.#suppressed.push(error);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * After the first error: streams are destroyed, the writer's running call is waited for, then it is aborted, though a source may still hang.
   * Never longer than allowed.
   */
  async #takeDown(): Promise<void> {
    const failure = this.#failure as MillraceError;
    const work = async (): Promise<void> => {
      this.#joined?.destroy(failure);
      await this.#preparing.catch(() => undefined);
      if (this.#joined === undefined) this.#sink?.destroy();
      await this.#sink?.quiet();
      if (!this.commits.isWriterEnded) await this.#quietly(() => this.#sink?.writer?.abort(failure));
      await this.#quietly(() => this.#refusals.abort(failure, this.commits.checkpoint(undefined)));
      await this.#joined?.closed;
    };
    const { settleTimeoutMs } = this.#options;
    const timer = timeout(settleTimeoutMs);
    const inTime = await Promise.race([work().then(() => true), timer.elapsed.then(() => false)]);
    timer.clear();
    this.#isSettled = inTime;
    if (!inTime) this.#suppressed.push(new MillraceError('NOT_SETTLED', `the stages did not let go within ${settleTimeoutMs} ms`));
  }

  async #quietly(call: () => Promise<void> | undefined): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** `signal` aborts, `drain` stops the source. Returns what takes the listeners off again. */
  #listen(): () => void {
    const goOn = failUnfinished(() => {
      this.#fail(new MillraceError('NOT_SETTLED', 'a stage never answered, and nothing is left that the run could wait for'));
    });
    const cancel = (): void => this.#fail(new MillraceError('CANCELLED', 'the run was cancelled', { cause: this.#options.signal?.reason }));
    const release = listen(this.#options, { cancel, stop: () => this.#stop() });
    return () => {
      goOn();
      release();
    };
  }

  /** Before anything is read there is nothing to finish: what is waited for (a server that does not answer) is given up. */
  #stop(): void {
    this.#isDrained = true;
    if (this.#source === undefined) this.#fail(new MillraceError('CANCELLED', 'the run was stopped before it had begun'));
    else this.#source.stop();
  }
}
