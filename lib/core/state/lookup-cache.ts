import type { Identity } from '../../query/identity.ts';
import { RecordBatch } from '../batch/batch.ts';
import type { OperatorContext } from '../define.ts';
import { keyBytes } from './record-keys.ts';

interface Entry<Value> {
  readonly value: Value;
  readonly bytes: number;
}

/** The values asked for last, by their keys: at most so many, and as many as may be kept on the state account. */
export class LookupCache<Value> {
  readonly #most: number;
  readonly #context: OperatorContext;
  readonly #entries = new Map<Identity, Entry<Value>>();
  /** From the one asked for longest ago on: those that are asked for again go to the end, before it gets to them. */
  #oldest: Iterator<Identity> | undefined;
  #charged = 0;

  constructor(most: number, context: OperatorContext) {
    this.#most = most;
    this.#context = context;
  }

  /** What is kept for a key, in a box: the value may be undefined. */
  get(key: Identity): { readonly value: Value } | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  set(key: Identity, value: Value): void {
    if (this.#most === 0) return;
    this.#forget(key);
    const bytes = keyBytes(key) + ENTRY_BYTES + (typeof value === 'object' && value !== null ? RecordBatch.of([value]).bytes : 0);
    while (this.#entries.size >= this.#most && this.#forgetOldest());
    this.makeRoom(bytes);
    if (!this.#context.mayKeep(bytes)) return;
    this.#entries.set(key, { value, bytes });
    this.#charge(bytes);
  }

  /** What is remembered goes before anything that has to be kept. */
  makeRoom(bytes: number): void {
    while (!this.#context.mayKeep(bytes) && this.#forgetOldest());
  }

  close(): void {
    this.#entries.clear();
    this.#charge(-this.#charged);
  }

  #forgetOldest(): boolean {
    this.#oldest ??= this.#entries.keys();
    const next = this.#oldest.next();
    if (next.done !== true) return this.#forget(next.value);
    this.#oldest = undefined;
    return this.#entries.size > 0;
  }

  #forget(key: Identity): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#charge(-entry.bytes);
    return true;
  }

  #charge(bytes: number): void {
    this.#charged += bytes;
    this.#context.charge(bytes);
  }
}

const ENTRY_BYTES = 64;
