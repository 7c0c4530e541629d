/**
 * The flow account: bytes of records that are on their way. A source charges each batch before it gives it on, and waits while the account
 * is full; what is charged comes back when the batch is settled or released. Whoever charges while nothing is charged never waits: so a run
 * ends under any limit. What operators make is added without waiting, for it replaces what they took.
 */
export class FlowAccount {
  readonly limit: number;
  #used = 0;
  #peak = 0;
  #waiters: (() => void)[] = [];
  readonly #onFull: () => void;

  /** `onFull` is called each time somebody begins to wait: sinks then force the outcome of what they hold. */
  constructor(limit: number, onFull: () => void) {
    this.limit = limit;
    this.#onFull = onFull;
  }

  get used(): number {
    return this.#used;
  }

  get peak(): number {
    return this.#peak;
  }

  /** Somebody waits for memory: whoever holds some should let go of it. */
  get isWaitedFor(): boolean {
    return this.#waiters.length > 0;
  }

  /** Waits for room, then charges. Gives up (charging all the same) when the signal is aborted: the run is over then. */
  async charge(bytes: number, signal: AbortSignal): Promise<Lease> {
    while (this.#isFullFor(bytes) && !signal.aborted) await this.#room(signal);
    return this.add(bytes);
  }

  hasRoomFor(bytes: number): boolean {
    return !this.#isFullFor(bytes);
  }

  add(bytes: number): Lease {
    const lease = new Lease(this);
    lease.grow(bytes);
    return lease;
  }

  /** @internal Called by leases only. */
  change(bytes: number): void {
    this.#used += bytes;
    if (this.#used > this.#peak) this.#peak = this.#used;
    if (bytes < 0 && this.#waiters.length > 0) {
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const wake of waiters) wake();
    }
  }

  #isFullFor(bytes: number): boolean {
    return this.#used > 0 && this.#used + bytes > this.limit;
  }

  #room(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#waiters.push(wake);
      this.#onFull();
    });
  }
}

/** Bytes that one batch has charged. Given back once, whoever does it first. */
export class Lease {
  readonly #account: FlowAccount;
  /** What its memory is given back to, where it may be used again. */
  #batch: { giveBack(): void } | undefined;
  #bytes = 0;
  #isReleased = false;

  constructor(account: FlowAccount) {
    this.#account = account;
  }

  grow(bytes: number): void {
    if (this.#isReleased) return;
    this.#bytes += bytes;
    this.#account.change(bytes);
  }

  /** The memory of this batch may be used again at the end. */
  lend(batch: { giveBack(): void }): void {
    this.#batch = batch;
  }

  /** Releases it, and nobody looks at the batch, or at what was made of it, any more. */
  end(): void {
    this.release();
    this.#batch?.giveBack();
    this.#batch = undefined;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#account.change(-this.#bytes);
  }
}
