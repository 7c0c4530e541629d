import { setMaxListeners } from 'node:events';
import { MillraceError } from '../../errors.ts';
import { printSize } from '../../values/sizes.ts';
import type { Schema } from '../../schema/schema.ts';
import type { AnyBatch, OperatorContext, OperatorState } from '../define.ts';
import { Rejected } from '../rejected.ts';
import type { SpillFile } from '../spill.ts';
import type { StageCounter } from './counter.ts';

/** The state account: what operators keep (keys seen, counts). One for all operators of a run. */
export class StateAccount {
  readonly limit: number;
  used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  mayKeep(bytes: number): boolean {
    return this.used + bytes <= this.limit;
  }

  charge(bytes: number, stage: string): void {
    this.used += bytes;
    if (bytes > 0 && this.used > this.limit) {
      throw new MillraceError(
        'STATE_TOO_LARGE',
        `${stage} keeps more than the ${printSize(this.limit)} that operators may keep; raise stateMemory`,
        { stage },
      );
    }
  }
}

export interface OperatorHooks {
  readonly signal: AbortSignal;
  readonly batchRows: number;
  readonly batchBytes: number;
  readonly batchDelayMs: number;
  readonly state: StateAccount;
  /** How many records those behind it need at most. */
  readonly needs: number | undefined;
  readonly openSpill: (() => Promise<SpillFile>) | undefined;
  /** A row of a batch was refused. */
  refuse(batch: AnyBatch, index: number, code: string, reason: string): void;
  stop(): void;
  warn(message: string): void;
}

/** The context of one operator in one run. */
export class RunningOperator implements OperatorContext {
  readonly signal: AbortSignal;
  readonly batchRows: number;
  readonly batchBytes: number;
  readonly batchDelayMs: number;
  readonly schema: Schema | undefined;
  readonly stateBytes: number;
  readonly needs: number | undefined;
  readonly openSpill?: () => Promise<SpillFile>;
  readonly counter: StageCounter;
  /** True from the moment it needs no more: what still comes is dropped unseen. */
  isStopped = false;
  savedState: OperatorState | undefined;
  readonly #hooks: OperatorHooks;
  readonly #abandoned = new AbortController();

  constructor(counter: StageCounter, schema: Schema | undefined, hooks: OperatorHooks) {
    this.signal = AbortSignal.any([hooks.signal, this.#abandoned.signal]);
    setMaxListeners(0, this.signal);
    this.batchRows = hooks.batchRows;
    this.batchBytes = hooks.batchBytes;
    this.batchDelayMs = hooks.batchDelayMs;
    this.schema = schema;
    this.stateBytes = hooks.state.limit;
    this.needs = hooks.needs;
    if (hooks.openSpill !== undefined) this.openSpill = hooks.openSpill;
    this.counter = counter;
    this.#hooks = hooks;
  }

  reject(code: string, reason: string): Rejected;
  reject(batch: AnyBatch, index: number, code: string, reason: string): void;
  reject(batchOrCode: AnyBatch | string, indexOrReason: number | string, code = '', reason = ''): Rejected | undefined {
    if (typeof batchOrCode === 'string') return new Rejected(batchOrCode, String(indexOrReason));
    this.counter.rejected++;
    this.#hooks.refuse(batchOrCode, Number(indexOrReason), code, reason);
    return undefined;
  }

  dropped(count: number): void {
    this.counter.dropped += count;
  }

  made(count: number): void {
    this.counter.made += count;
  }

  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.#hooks.stop();
  }

  /** Nobody needs more of what it gives: what it waits for is given up. */
  abandon(): void {
    this.isStopped = true;
    this.#abandoned.abort(new DOMException('no more is needed', 'AbortError'));
  }

  keepState(state: OperatorState): void {
    if (this.savedState !== undefined)
      throw new MillraceError('PIPELINE_INVALID', `operator ${this.counter.kind}: keepState is called once`);
    this.savedState = state;
  }

  charge(bytes: number): void {
    this.#hooks.state.charge(bytes, this.counter.kind);
  }

  mayKeep(bytes: number): boolean {
    return this.#hooks.state.mayKeep(bytes);
  }

  warn(message: string): void {
    this.#hooks.warn(message);
  }
}
