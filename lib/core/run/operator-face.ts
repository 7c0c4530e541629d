import { Duplex, type Readable } from 'node:stream';
import { RecordBatch } from '../batch/batch.ts';
import type { DeadLetter } from '../contracts.ts';
import type { AnyBatch, AnyRow } from '../define.ts';
import { letterOf } from '../delivery/rejects.ts';
import { FlowAccount } from './account.ts';
import { StageCounter } from './counter.ts';
import { compileGroup } from './group.ts';
import { GroupStream } from './group-stream.ts';
import { groupsOf } from './layout.ts';
import { RunningOperator, StateAccount } from './operator-context.ts';
import { OperatorStream } from './operator-stream.ts';
import { STANDALONE, takeReject, warnStandalone } from './standalone.ts';
import { SourceFace } from './source-face.ts';
import type { Parcel } from './source-stream.ts';
import type { OperatorStage } from './stage.ts';

type Callback = (error?: Error | null) => void;

/**
 * Operators as a plain Duplex of objects: what is written is gathered into small batches (what Node has queued), goes through the same
 * streams as in a pipeline, and comes out record by record. Once it needs no more it ends, asks the Millrace stages before it to stop, and
 * swallows what others still write.
 */
export class OperatorFace extends Duplex {
  readonly role = 'operator';
  readonly stages: readonly OperatorStage[];
  readonly #onReject: ((letter: DeadLetter) => void) | undefined;
  readonly #before = new Set<Readable>();
  readonly #abort = new AbortController();
  readonly #account = new FlowAccount(STANDALONE.memory, () => undefined);
  #inner: Duplex[] | undefined;
  #rows: readonly object[] = [];
  #next = 0;
  #isOver = false;
  #finished: Callback | undefined;

  constructor(stages: readonly OperatorStage[], onReject?: (letter: DeadLetter) => void) {
    super({ objectMode: true, readableHighWaterMark: 256, writableHighWaterMark: 256, allowHalfOpen: true });
    this.stages = stages;
    this.#onReject = onReject;
    this.on('pipe', (from: Readable) => this.#before.add(from));
    this.on('unpipe', (from: Readable) => this.#before.delete(from));
  }

  /** No more is needed of what comes before. */
  stop(): void {
    for (const stream of this.#before) if (stream instanceof SourceFace || stream instanceof OperatorFace) stream.stop();
  }

  override _write(row: object, _encoding: BufferEncoding, callback: Callback): void {
    this.#take([row], callback);
  }

  override _writev(chunks: { chunk: object }[], callback: Callback): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: Callback): void {
    this.#finished = callback;
    if (this.#isOver) callback();
    else this.#open()[0]?.end();
  }

  override _read(): void {
    while (this.#next < this.#rows.length) if (!this.push(this.#rows[this.#next++])) return;
    this.#pull();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#abort.abort(error ?? new DOMException('the stream was destroyed', 'AbortError'));
    const inner = this.#inner ?? [];
    let open = inner.filter(stream => !stream.closed).length;
    if (open === 0) return callback(error);
    for (const stream of inner) {
      stream.once('close', () => {
        if (--open === 0) callback(error);
      });
      stream.destroy();
    }
  }

  #take(rows: object[], callback: Callback): void {
    const first = this.#open()[0] as Duplex;
    // Enough was had: what others still write is swallowed.
    if (this.#isOver || first.writableEnded) return callback();
    const batch = RecordBatch.of(rows as AnyRow[]) as AnyBatch;
    const parcel: Parcel = { batch, lease: this.#account.add(0) };
    if (first.write(parcel)) callback();
    else {
      const goOn = (): void => {
        first.off('drain', goOn);
        first.off('close', goOn);
        callback();
      };
      first.on('drain', goOn);
      first.on('close', goOn);
    }
  }

  /** Takes the next batch that came out, if there is one. */
  #pull(): void {
    const last = this.#inner?.at(-1);
    if (last === undefined || this.#isOver) return;
    for (let parcel = last.read() as Parcel | null; parcel !== null; parcel = last.read() as Parcel | null) {
      this.#rows = parcel.batch.rows;
      this.#next = 0;
      parcel.lease.release();
      while (this.#next < this.#rows.length) if (!this.push(this.#rows[this.#next++])) return;
    }
  }

  #open(): readonly Duplex[] {
    if (this.#inner !== undefined) return this.#inner;
    warnStandalone();
    const state = new StateAccount(STANDALONE.stateMemory);
    const streams = groupsOf(this.stages).map(group => this.#streamOf(group, state));
    for (const [i, stream] of streams.entries()) {
      stream.on('error', error => this.destroy(error));
      const next = streams[i + 1];
      if (next !== undefined) stream.pipe(next);
    }
    const last = streams.at(-1) as Duplex;
    last.on('readable', () => this._read());
    last.once('end', () => this.#over());
    this.#inner = streams;
    return streams;
  }

  #streamOf(group: readonly OperatorStage[], state: StateAccount): Duplex {
    const rejectsWritten = (): undefined => undefined;
    const open = group.map(stage => ({ stage, output: undefined, context: this.#contextOf(stage, state) }));
    const [only] = open;
    if (only?.stage.definition.stream !== undefined) {
      const change = only.stage.definition.stream(only.stage.options, only.context, only.stage.given);
      return new OperatorStream({ change, context: only.context, forwardsPositions: true, account: this.#account, rejectsWritten });
    }
    const take = (letter: DeadLetter): void => takeReject(letter, this.#onReject);
    return new GroupStream({
      change: compileGroup(open, take),
      counters: open.map(({ context }) => context.counter),
      name: group.map(({ kind }) => kind).join('+'),
      rejectsWritten,
    });
  }

  #contextOf(stage: OperatorStage, state: StateAccount): RunningOperator {
    const counter = new StageCounter(stage.kind);
    return new RunningOperator(counter, undefined, {
      signal: this.#abort.signal,
      batchRows: STANDALONE.batchRows,
      batchBytes: STANDALONE.batchBytes,
      state,
      refuse: (batch, index, code, reason) => takeReject(letterOf(stage.kind, batch, index, code, reason), this.#onReject),
      // Only once the batch at hand has gone on: it still belongs to the output.
      stop: () => queueMicrotask(() => this.#enough()),
      warn: message => process.emitWarning(`${stage.kind}: ${message}`, 'MillraceWarning'),
    });
  }

  /** Some operator has had enough: what comes after it is ended, what comes before is asked to stop. */
  #enough(): void {
    this.stop();
    this.#inner?.[0]?.end();
  }

  #over(): void {
    this.#isOver = true;
    this.push(null);
    this.stop();
    this.#finished?.();
  }
}
