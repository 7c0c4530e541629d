import { asMillraceError, MillraceError } from '../../errors.ts';
import type { RunOptions } from '../contracts.ts';
import type { PartWords, SinkParts, SourcePart, SourceParts } from '../parts.ts';
import { seconds } from './counter.ts';
import type { Line } from './layout.ts';
import { checkRunOptions } from './options.ts';
import { PipelineError } from './pipeline-error.ts';
import type { Progress } from './progress.ts';
import type { Report, StageReport, TableReport } from './report.ts';
import type { Stage } from './stage.ts';
import { runTasks, type Task } from './tasks.ts';
import { tellProgress } from './tell-progress.ts';
import { abortController } from './waiting.ts';

/** A part as a run of its own. */
export interface PartRun {
  readonly stages: readonly Stage[];
  readonly options: RunOptions;
}

type RunPart = (run: PartRun) => Promise<Report>;

/** Undefined of a line of ordinary records. */
export function partWords({ source, sink }: Line): PartWords | undefined {
  return (sink.definition.parts ?? source.definition.parts)?.words;
}

/**
 * A source of many parts into a sink that takes them: the largest first, as many at a time as it says, each a run of its own with its share of the
 * memory, and then the sink's steps for it. A part that fails does not stop the others, unless the sink says so; the run fails in the end.
 */
export async function runParts(line: Line, words: PartWords, options: RunOptions, runPart: RunPart): Promise<Report> {
  checkParts(line, words, options);
  return new PartsRun(line, words, options, runPart).settle();
}

/** PIPELINE_INVALID where it is more than a source and a sink of parts, OPTION_INVALID for dead letters. */
export function checkParts({ source, operators, sink }: Line, words: PartWords, { deadLetter }: RunOptions): void {
  const isWhole = source.definition.parts !== undefined && sink.definition.parts !== undefined;
  if (!isWhole || operators.length > 0) {
    const found = isWhole ? operators.map(({ kind }) => kind).join(', ') : `${source.kind} to ${sink.kind}`;
    throw new MillraceError(
      'PIPELINE_INVALID',
      `${words.wholes} go from ${words.parts} to ${words.parts}, with nothing between them (${found}); name a ${words.part} for anything else`,
    );
  }
  if (deadLetter !== undefined)
    throw new MillraceError(
      'OPTION_INVALID',
      `pipeline: option "deadLetter": ${words.wholes} have no place for dead letters; copy the ${words.part} alone`,
    );
}

class PartsRun {
  readonly #line: Line;
  readonly #words: PartWords;
  readonly #given: RunOptions;
  readonly #runPart: RunPart;
  readonly #start = performance.now();
  readonly #abort = abortController();
  readonly #warnings = new Set<string>();
  readonly #reports: { readonly part: SourcePart; report: Report }[] = [];
  readonly #progress = new Map<SourcePart, Progress>();
  readonly #told: ((progress: Progress) => void) | undefined;
  #failure: MillraceError | undefined;
  #isDrained = false;
  /** A part failed that stops the others. */
  #isStopped = false;
  /** Nothing can be taken back any more. */
  #isDone = false;

  constructor(line: Line, words: PartWords, given: RunOptions, runPart: RunPart) {
    this.#line = line;
    this.#words = words;
    this.#given = given;
    this.#runPart = runPart;
    this.#told = tellProgress(given.onProgress, message => void this.#warnings.add(message));
  }

  async settle(): Promise<Report> {
    const { signal, drain } = this.#given;
    const abort = (): void => {
      if (this.#isDone) return;
      this.#failure ??= new MillraceError('CANCELLED', 'the run was cancelled');
      this.#abort.abort(this.#failure);
    };
    const stop = (): void => void (this.#isDrained = true);
    signal?.addEventListener('abort', abort, { once: true });
    drain?.addEventListener('abort', stop, { once: true });
    try {
      if (signal?.aborted === true) abort();
      if (drain?.aborted === true) stop();
      await this.#run();
    } catch (error) {
      this.#failure ??= asMillraceError(error, this.#line.sink.kind);
    } finally {
      signal?.removeEventListener('abort', abort);
      drain?.removeEventListener('abort', stop);
    }
    this.#tell(true);
    const report = this.#report();
    if (this.#failure !== undefined) throw new PipelineError(this.#failure, report);
    return report;
  }

  async #run(): Promise<void> {
    const { source, sink } = this.#line;
    const { signal } = this.#abort;
    if (signal.aborted) return;
    const from = (await source.definition.parts?.open(source.options, { signal }, source.given)) as SourceParts;
    let to: SinkParts | undefined;
    try {
      const warn = (message: string): void => void this.#warnings.add(message);
      to = (await sink.definition.parts?.open(sink.options, { signal, whole: from.whole, warn }, sink.given)) as SinkParts;
      await this.#load(from, to);
      signal.throwIfAborted();
      await to.finish(this.#reports.filter(({ report }) => report.status === 'ok').map(({ part }) => part.name));
      this.#isDone = true;
      // A cancellation that came meanwhile is too late.
      this.#failure = undefined;
      this.#judge(from.parts.length);
    } catch (error) {
      if (signal.aborted) await to?.abandon();
      throw error;
    } finally {
      await to?.close();
      await from.close();
    }
  }

  async #load({ parts }: SourceParts, to: SinkParts): Promise<void> {
    const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    const tasks = [...parts]
      .sort((a, b) => b.bytes - a.bytes)
      .map((part): Task => ({ name: part.name, after: to.after(part), run: () => this.#loadPart(part, to, total) }));
    await runTasks(tasks, to.parallel);
  }

  /** Gives the steps that are left to do for it. */
  async #loadPart(part: SourcePart, to: SinkParts, total: number): Promise<Task[]> {
    if (this.#abort.signal.aborted || this.#isDrained || this.#isStopped) {
      this.#warnings.add(`${this.#words.part} ${part.name} was not begun`);
      return [];
    }
    const began = performance.now();
    const report = await this.#outcome({ stages: [part.source, to.sink(part)], options: this.#optionsOf(part, to, total) });
    const entry = { part, report };
    this.#reports.push(entry);
    for (const warning of report.warnings) this.#warnings.add(warning);
    if (report.status !== 'ok') this.#isStopped ||= to.stopOnFailure;
    return report.status === 'ok' ? to.steps(part).map(step => ({ run: () => this.#complete(entry, to, step, began) })) : [];
  }

  async #complete(entry: { report: Report }, to: SinkParts, step: () => Promise<void>, began: number): Promise<Task[]> {
    if (this.#abort.signal.aborted || entry.report.status === 'failed') return [];
    let failure: MillraceError | undefined;
    try {
      await step();
    } catch (error) {
      failure = asMillraceError(error, this.#line.sink.kind);
      this.#isStopped ||= to.stopOnFailure;
    }
    const failed = failure === undefined ? {} : { status: 'failed' as const, error: reported(failure) };
    entry.report = { ...entry.report, ...failed, seconds: seconds(performance.now() - began) };
    return [];
  }

  #optionsOf(part: SourcePart, { parallel }: SinkParts, total: number): RunOptions {
    const { memory } = checkRunOptions(this.#given);
    const { progressEveryMs, batchRows, batchBytes, settleTimeoutMs } = this.#given;
    return {
      signal: this.#abort.signal,
      // What holds the parts together (a snapshot, foreign keys) is lost with it.
      retryFor: 0,
      memory: Math.max(1024, Math.floor(memory / parallel)),
      ...(progressEveryMs === undefined ? {} : { progressEveryMs }),
      ...(batchRows === undefined ? {} : { batchRows }),
      ...(batchBytes === undefined ? {} : { batchBytes }),
      ...(settleTimeoutMs === undefined ? {} : { settleTimeoutMs }),
      ...(this.#told === undefined ? {} : { onProgress: progress => this.#show(part, progress, total) }),
    };
  }

  async #outcome(run: PartRun): Promise<Report> {
    try {
      return await this.#runPart(run);
    } catch (error) {
      if (error instanceof PipelineError) return error.report;
      this.#abort.abort();
      throw error;
    }
  }

  /** Any part that failed fails the run, with the code of the first. */
  #judge(count: number): void {
    const failed = this.#reports.filter(({ report }) => report.status === 'failed');
    const [first] = failed;
    if (first === undefined || this.#failure !== undefined) return;
    const told = failed.map(({ part, report }) => `${part.name}: ${report.error?.message ?? ''}`);
    this.#failure = new MillraceError(
      (first.report.error?.code ?? 'INTERNAL') as MillraceError['code'],
      `${failed.length} of ${count} ${this.#words.parts} failed, the others are there: ${told.join('; ')}`,
      { stage: this.#line.sink.kind, retryable: failed.every(({ report }) => report.error?.retryable === true) },
    );
  }

  #show(part: SourcePart, progress: Progress, totalBytes: number): void {
    this.#progress.set(part, progress);
    if (!progress.done) this.#tell(false, totalBytes);
  }

  #tell(done: boolean, totalBytes = 0): void {
    const all = [...this.#progress.values()];
    const sum = (of: (progress: Progress) => number): number => all.reduce((total, progress) => total + of(progress), 0);
    const active = all.filter(progress => !progress.done);
    const passed = (performance.now() - this.#start) / 1000;
    const [read, bytesRead] = [sum(({ read: count }) => count), sum(({ bytesRead: count }) => count)];
    const fraction = done ? 1 : totalBytes === 0 ? undefined : Math.min(bytesRead / totalBytes, 0.99);
    this.#told?.({
      read,
      written: sum(({ written }) => written),
      rejected: sum(({ rejected }) => rejected),
      bytesRead,
      seconds: seconds(passed * 1000),
      recordsPerSecond: done ? read / passed : active.reduce((total, { recordsPerSecond }) => total + recordsPerSecond, 0),
      bytesPerSecond: done ? bytesRead / passed : active.reduce((total, { bytesPerSecond }) => total + bytesPerSecond, 0),
      ...(fraction === undefined ? {} : { fraction, secondsLeft: done ? 0 : (passed / Math.max(fraction, 1e-6)) * (1 - fraction) }),
      slowestStage: active[0]?.slowestStage,
      attempts: 1,
      done,
    });
  }

  #report(): Report {
    const reports = this.#reports.map(({ report }) => report);
    const sum = (of: (report: Report) => number): number => reports.reduce((total, report) => total + of(report), 0);
    const failure = this.#failure;
    return {
      status: failure !== undefined ? 'failed' : this.#isDrained ? 'stopped' : 'ok',
      read: sum(({ read }) => read),
      written: sum(({ written }) => written),
      dropped: 0,
      made: 0,
      rejected: sum(({ rejected }) => rejected),
      unchanged: 0,
      superseded: 0,
      deleted: 0,
      bytesRead: sum(({ bytesRead }) => bytesRead),
      bytesWritten: sum(({ bytesWritten }) => bytesWritten),
      seconds: seconds(performance.now() - this.#start),
      guarantee: this.#line.sink.definition.guarantee ?? 'at-least-once',
      resumedFrom: null,
      attempts: 1,
      stages: [this.#stage(0, this.#line.source.kind), this.#stage(1, this.#line.sink.kind)],
      bottleneck: undefined,
      rejects: [],
      warnings: [...this.#warnings],
      tables: this.#reports.map(({ part, report }) => tableReport(part, report)),
      ...(failure === undefined ? {} : { error: reported(failure) }),
    };
  }

  #stage(index: number, kind: string): StageReport {
    const stages = this.#reports.flatMap(({ report }) => report.stages[index] ?? []);
    const sum = (of: (stage: StageReport) => number): number => stages.reduce((total, stage) => total + of(stage), 0);
    return {
      kind,
      in: sum(stage => stage.in),
      out: sum(stage => stage.out),
      made: 0,
      dropped: 0,
      rejected: sum(stage => stage.rejected),
      busySeconds: sum(stage => stage.busySeconds),
      waitSeconds: sum(stage => stage.waitSeconds),
    };
  }
}

function reported({ code, stage, message, retryable }: MillraceError): NonNullable<Report['error']> {
  return { code, stage, message, retryable };
}

function tableReport({ name }: SourcePart, { status, read, written, rejected, seconds: took, error }: Report): TableReport {
  return { table: name, status, read, written, rejected, seconds: took, ...(error === undefined ? {} : { error }) };
}
