import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { asMillraceError, MillraceError } from '../../errors.ts';
import type { Position } from '../batch/batch.ts';
import type { RunOptions } from '../contracts.ts';
import type { Checkpoint, SourceContext } from '../define.ts';
import { DeadLetterWriter } from '../delivery/dead-letter-writer.ts';
import { Rejects } from '../delivery/rejects.ts';
import { FlowAccount } from './account.ts';
import { join, type Joined } from './connect.ts';
import { seconds, StageCounter } from './counter.ts';
import { stageOf } from './face.ts';
import { compileGroup, type OpenOperator } from './group.ts';
import { GroupStream } from './group-stream.ts';
import { groupsOf, type Line, lineOf, looksAt, neededColumns, passthroughOf, type Schemas, schemasOf } from './layout.ts';
import { letterOf } from '../delivery/rejects.ts';
import { RunningOperator, StateAccount } from './operator-context.ts';
import { checkConservation, OperatorStream } from './operator-stream.ts';
import { type CheckedRunOptions, checkRunOptions } from './options.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { Report } from './report.ts';
import { SinkStream } from './sink-stream.ts';
import { SourceStream } from './source-stream.ts';
import type { SinkStage, Stage } from './stage.ts';

/** Why a run failed: the first error, what came after it, and the report of what was done until then. */
export class PipelineError extends MillraceError {
  override readonly name = 'PipelineError';
  readonly report: Report;
  /** Errors that came after the first, as it was taken down. */
  readonly suppressed: readonly Error[];
  /** Where a later run could go on; undefined where the target keeps nothing of this run. */
  readonly checkpoint: Checkpoint | undefined;

  constructor(first: MillraceError, report: Report, suppressed: readonly Error[]) {
    super(first.code, first.message, { stage: first.stage, retryable: first.retryable, cause: first });
    this.report = report;
    this.suppressed = suppressed;
    this.checkpoint = undefined;
  }
}

/** Runs a pipeline to its end: resolves with the report, or rejects with a PipelineError, once everything is released. */
export async function run(stages: readonly Stage[], options: RunOptions = {}): Promise<Report> {
  return new Run(lineOf(stages), checkRunOptions(options)).settle();
}

class Run {
  readonly #line: Line;
  readonly #options: CheckedRunOptions;
  readonly #start = performance.now();
  readonly #abort = new AbortController();
  readonly #account: FlowAccount;
  readonly #rejects: Rejects;
  readonly #deadLetterStage: SinkStage | undefined;
  readonly #warnings = new Set<string>();
  readonly #counters: StageCounter[];
  readonly #operators: RunningOperator[] = [];
  readonly #sourceCount = { rows: 0, bytes: 0, hasRows: false, expectedRows: 0, expectedBytes: 0 };
  readonly #suppressed: Error[] = [];
  #failure: MillraceError | undefined;
  #deadLetters: DeadLetterWriter | undefined;
  #areLettersEnded = false;
  #source: SourceStream | undefined;
  #sink: SinkStream | undefined;
  #joined: Joined | undefined;
  #isWriterEnded = false;
  #isDrained = false;

  constructor(line: Line, options: CheckedRunOptions) {
    this.#line = line;
    this.#options = options;
    this.#account = new FlowAccount(options.memory, () => this.#sink?.letGo());
    this.#deadLetterStage = options.deadLetter === undefined ? undefined : deadLetterStage(options.deadLetter);
    this.#rejects = new Rejects(this.#deadLetterStage !== undefined, options.maxRejected);
    this.#counters = [line.source, ...line.operators, line.sink].map(({ kind }) => new StageCounter(kind));
  }

  async settle(): Promise<Report> {
    const stopListening = this.#listen();
    const meter = new ProgressMeter(this.#options, () => this.#progressNow());
    try {
      await Promise.race([this.#prepare(), aborted(this.#abort.signal)]);
      this.#throwFailure();
      meter.start();
      await this.#connect();
    } catch (error) {
      this.#fail(error);
    }
    if (this.#failure !== undefined) await this.#takeDown();
    stopListening();
    meter.end();
    const report = this.#report();
    if (this.#failure !== undefined) throw new PipelineError(this.#failure, report, this.#suppressed);
    return report;
  }

  // -------------------------------------------------------------- before the first record

  async #prepare(): Promise<void> {
    const { source, operators } = this.#line;
    this.#throwFailure();
    const first = await source.definition.describe?.(source.options, { signal: this.#abort.signal }, source.given);
    const schemas = schemasOf(operators, first);
    if (this.#deadLetterStage !== undefined) this.#deadLetters = await DeadLetterWriter.open(this.#deadLetterStage, this.#sideContext());
    this.#throwFailure();
    this.#sink = this.#makeSink(schemas);
    await this.#sink.openEarly();
    this.#source = this.#makeSource(schemas);
    const between = this.#makeOperators(schemas);
    this.#joined = join(this.#source, between, this.#sink, error => this.#fail(error));
    if (this.#isDrained) this.#source.stop();
  }

  #makeSource(schemas: Schemas): SourceStream {
    const { source, operators } = this.#line;
    const outputs = [...schemas.inputs.slice(1), schemas.output];
    const columns = neededColumns(operators, schemas, outputs);
    const passthrough = passthroughOf(this.#line);
    const count = this.#sourceCount;
    const context: Omit<SourceContext, 'signal'> = {
      ...(columns === undefined ? {} : { columns }),
      ...(passthrough.length === 0 ? {} : { passthrough, looksAt: operators.flatMap(operator => looksAt(operator)) }),
      batchRows: this.#options.batchRows,
      batchBytes: this.#options.batchBytes,
      counted: ({ rows, bytes = 0 }) => {
        count.hasRows ||= rows !== undefined;
        count.rows += rows ?? 0;
        count.bytes += bytes;
      },
      expects: ({ rows = 0, bytes = 0 }) => {
        count.expectedRows = rows;
        count.expectedBytes = bytes;
      },
      warn: message => this.#warnings.add(message),
    };
    return new SourceStream({
      account: this.#account,
      counter: this.#counters[0] as StageCounter,
      read: signal => source.definition.read(source.options, { ...context, signal }, source.given),
    });
  }

  #makeOperators(schemas: Schemas): Duplex[] {
    const state = new StateAccount(this.#options.stateMemory);
    const { batchRows, batchBytes } = this.#options;
    let at = 0;
    return groupsOf(this.#line.operators).map(group => {
      const open = group.map((stage): OpenOperator => {
        const counter = this.#counters[at + 1] as StageCounter;
        const context = new RunningOperator(counter, schemas.inputs[at], {
          signal: this.#abort.signal, batchRows, batchBytes, state,
          refuse: (batch, index, code, reason) => this.#rejects.take(letterOf(counter.kind, batch, index, code, reason)),
          stop: () => this.#source?.stop(),
          warn: message => this.#warnings.add(message),
        });
        this.#operators.push(context);
        at++;
        return { stage, context, output: schemas.inputs[at] ?? (at === schemas.inputs.length ? schemas.output : undefined) };
      });
      return this.#streamOf(open);
    });
  }

  #streamOf(group: readonly OpenOperator[]): Duplex {
    const rejectsWritten = (): Promise<void> | undefined => this.#rejectsWritten();
    const [first] = group;
    if (first?.stage.definition.stream !== undefined) {
      const { definition, options, given } = first.stage;
      const change = first.stage.definition.stream(options, first.context, given);
      return new OperatorStream({ change, context: first.context, forwardsPositions: definition.positions === 'forwarded', account: this.#account, rejectsWritten });
    }
    return new GroupStream({
      change: compileGroup(group, letter => this.#rejects.take(letter)),
      counters: group.map(({ context }) => context.counter),
      name: group.map(({ stage }) => stage.kind).join('+'),
      rejectsWritten,
    });
  }

  #makeSink(schemas: Schemas): SinkStream {
    return new SinkStream({
      stage: this.#line.sink,
      account: this.#account,
      counter: this.#counters.at(-1) as StageCounter,
      schema: schemas.output,
      hint: schemas.hint,
      hasDeadLetters: this.#deadLetterStage !== undefined,
      take: letter => this.#rejects.take(letter),
      rejectsWritten: () => this.#rejectsWritten(),
      finish: sink => this.#commit(sink),
      ...this.#sideContext(),
    });
  }

  #sideContext(): { signal: AbortSignal; jobId: string; segmentBytes: number; warn: (message: string) => void } {
    return { signal: this.#abort.signal, jobId: jobIdOf(this.#line), segmentBytes: Math.floor(this.#options.memory / 2), warn: message => void this.#warnings.add(message) };
  }

  // -------------------------------------------------------------- while it runs

  async #connect(): Promise<void> {
    const { closed } = this.#joined as Joined;
    await Promise.race([closed, aborted(this.#abort.signal)]);
    this.#throwFailure();
  }

  #rejectsWritten(): Promise<void> | undefined {
    return this.#rejects.hasWaiting ? this.#deadLetters?.write(this.#rejects.waiting()) : undefined;
  }

  /** All is written and flushed: counts are compared, then dead letters are committed, then the sink. */
  async #commit(sink: SinkStream): Promise<void> {
    this.#throwFailure();
    this.#checkShare();
    this.#checkCounts(sink);
    const { writer } = sink;
    if (writer === undefined) throw new MillraceError('INTERNAL', 'a sink was never opened');
    const checkpoint = this.#checkpoint(sink.settlement.position);
    await this.#deadLetters?.commit(checkpoint);
    await writer.commit(checkpoint);
    this.#areLettersEnded = true;
    await this.#deadLetters?.close();
    this.#isWriterEnded = true;
    await writer.close();
  }

  #checkpoint(source: Position | undefined): Checkpoint {
    const operators = Object.fromEntries(this.#operators.flatMap((operator, i) => (operator.savedState === undefined ? [] : [[`${i}:${operator.counter.kind}`, operator.savedState.save()]])));
    return { job: jobIdOf(this.#line), ...(source === undefined ? {} : { source }), operators, sinks: {}, ...(this.#isDrained ? {} : { done: true }) };
  }

  #checkShare(): void {
    const { maxRejected } = this.#options;
    const { count } = this.#rejects;
    const read = (this.#counters[0] as StageCounter).out;
    if (typeof maxRejected !== 'string' || count <= (read * Number.parseFloat(maxRejected)) / 100) return;
    throw new MillraceError('TOO_MANY_REJECTED', `${count} of ${read} records were rejected, more than the ${maxRejected} allowed`);
  }

  /** What stages say of themselves against what went through them. */
  #checkCounts(sink: SinkStream): void {
    for (const operator of this.#operators) checkConservation(operator);
    const { hasRows, rows } = this.#sourceCount;
    const { kind, out } = this.#counters[0] as StageCounter;
    if (hasRows && rows !== out && this.#source?.isStopped !== true) throw new MillraceError('COUNTS_DIFFER', `${kind} counted ${rows} records, but ${out} came`, { stage: kind });
    const { written, unchanged, superseded } = sink.counts;
    const { records } = sink.settlement;
    if (sink.hasOwnCount && written + unchanged + superseded !== records) {
      throw new MillraceError('COUNTS_DIFFER', `${this.#line.sink.kind} counted ${written + unchanged + superseded} records written, but ${records} were sent`, { stage: this.#line.sink.kind });
    }
  }

  // -------------------------------------------------------------- the end

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

  /** After the first error: streams are destroyed, the writer's running call is waited for, then it is aborted. Never longer than allowed. */
  async #takeDown(): Promise<void> {
    const failure = this.#failure as MillraceError;
    const work = async (): Promise<void> => {
      this.#joined?.destroy(failure);
      if (this.#joined === undefined) this.#sink?.destroy();
      await this.#joined?.closed;
      await this.#sink?.quiet();
      if (!this.#isWriterEnded) await this.#quietly(() => this.#sink?.writer?.abort(failure));
      if (!this.#areLettersEnded) await this.#endLetters(failure);
    };
    const { settleTimeoutMs } = this.#options;
    const timer = timeout(settleTimeoutMs);
    const inTime = await Promise.race([work().then(() => true), timer.elapsed.then(() => false)]);
    timer.clear();
    if (!inTime) this.#suppressed.push(new MillraceError('NOT_SETTLED', `the stages did not let go within ${settleTimeoutMs} ms`));
  }

  /** Too many rejects: the letters explain why, so they stay. In every other failure they go with the rest. */
  async #endLetters(failure: MillraceError): Promise<void> {
    const letters = this.#deadLetters;
    if (letters === undefined) return;
    if (failure.code !== 'TOO_MANY_REJECTED') return this.#quietly(() => letters.abort(failure));
    await this.#quietly(async () => {
      await this.#rejectsWritten();
      await letters.commit(this.#checkpoint(undefined));
      this.#areLettersEnded = true;
      await letters.close();
    });
    if (!this.#areLettersEnded) await this.#quietly(() => letters.abort(failure));
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
    const { signal, drain } = this.#options;
    const cancel = (): void => this.#fail(new MillraceError('CANCELLED', 'the run was cancelled', { cause: signal?.reason }));
    const stop = (): void => {
      this.#isDrained = true;
      this.#source?.stop();
    };
    if (signal?.aborted === true) cancel();
    if (drain?.aborted === true) stop();
    signal?.addEventListener('abort', cancel, { once: true });
    drain?.addEventListener('abort', stop, { once: true });
    return () => {
      signal?.removeEventListener('abort', cancel);
      drain?.removeEventListener('abort', stop);
    };
  }

  #progressNow(): Parameters<typeof ProgressMeter.prototype.show>[0] {
    const { bytes, expectedRows, expectedBytes } = this.#sourceCount;
    return {
      read: this.#counters[0]?.out ?? 0, written: this.#sink?.settlement.records ?? 0, rejected: this.#rejects.count,
      bytesRead: bytes, expectedRows, expectedBytes, counters: this.#counters,
    };
  }

  #report(): Report {
    const counters = this.#counters;
    const sink = this.#sink;
    const settled = sink?.settlement.records ?? 0;
    const failed = this.#failure;
    const hasOwnCount = sink?.hasOwnCount === true;
    return {
      status: failed !== undefined ? 'failed' : this.#isDrained ? 'stopped' : 'ok',
      read: (counters[0] as StageCounter).out,
      written: failed !== undefined ? 0 : hasOwnCount ? (sink?.counts.written ?? 0) : settled,
      dropped: sum(counters, counter => counter.dropped),
      made: sum(counters, counter => counter.made),
      rejected: this.#rejects.count,
      unchanged: sink?.counts.unchanged ?? 0,
      superseded: sink?.counts.superseded ?? 0,
      deleted: sink?.counts.deleted ?? 0,
      bytesRead: this.#sourceCount.bytes,
      bytesWritten: sink?.counts.bytes ?? 0,
      seconds: seconds(performance.now() - this.#start),
      guarantee: this.#line.sink.definition.guarantee ?? 'at-least-once',
      resumedFrom: null,
      stages: counters.map((counter, i) => (i < counters.length - 1 ? counter.report() : { ...counter.report(), out: settled })),
      bottleneck: slowest(counters),
      rejects: this.#rejects.groups(),
      warnings: [...this.#warnings],
      ...(failed === undefined ? {} : { error: { code: failed.code, stage: failed.stage, message: failed.message, retryable: failed.retryable } }),
    };
  }
}

function deadLetterStage(place: NonNullable<CheckedRunOptions['deadLetter']>): SinkStage {
  const stage = stageOf(place);
  if (stage?.role !== 'sink') throw new MillraceError('OPTION_INVALID', 'pipeline: option "deadLetter": a sink, such as to.file(\'rejects.ndjson\')');
  return stage;
}

/** Same line, same job: kinds and what they do, no secrets. */
function jobIdOf({ source, operators, sink }: Line): string {
  const titles = [source, ...operators, sink].map(({ definition, options }) => `${definition.kind} ${definition.title?.(options) ?? ''}`);
  return createHash('sha256').update(JSON.stringify(titles)).digest('hex').slice(0, 16);
}

function slowest(counters: readonly StageCounter[]): string | undefined {
  return counters.reduce<StageCounter | undefined>((most, counter) => (most === undefined || counter.busyMs > most.busyMs ? counter : most), undefined)?.kind;
}

function sum(counters: readonly StageCounter[], of: (counter: StageCounter) => number): number {
  return counters.reduce((total, counter) => total + of(counter), 0);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function timeout(ms: number): { elapsed: Promise<void>; clear: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<void>(resolve => (timer = setTimeout(resolve, ms)));
  return { elapsed, clear: () => clearTimeout(timer) };
}

