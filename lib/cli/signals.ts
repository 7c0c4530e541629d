export interface Stopping {
  /** Aborted by the first signal: reading ends, what was read is finished and committed. */
  readonly drain: AbortSignal;
  /** Aborted by the second signal: the run is given up at once. */
  readonly abort: AbortSignal;
  /** The exit status of a process that a signal stopped; undefined before one came. */
  status(): number | undefined;
  /** Signals do what they always do again. A run that was given up is over now: what still waits (for a reader of a pipe) is left. */
  release(): void;
}

/** What a run that is given up may take to let go. */
const ABORT_MS = 3000;
const STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Does what has nothing to finish: any signal gives it up, and is then the exit status. */
export async function unlessStopped(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const stopping = listenForSignals(() => undefined);
  try {
    return await work(AbortSignal.any([stopping.drain, stopping.abort]));
  } catch (error) {
    const status = stopping.status();
    if (status === undefined) throw error;
    return status;
  } finally {
    stopping.release();
  }
}

/** Turns SIGINT and SIGTERM into the two ways of stopping a run; a third signal ends the process as it stands. `onFirst` tells the user. */
export function listenForSignals(onFirst: () => void): Stopping {
  const drain = new AbortController();
  const abort = new AbortController();
  let status: number | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    const isFirst = status === undefined;
    status ??= STATUS[name as keyof typeof STATUS];
    if (abort.signal.aborted) process.exit(status);
    if (isFirst) {
      onFirst();
      return drain.abort();
    }
    setTimeout(() => process.exit(status), ABORT_MS).unref();
    abort.abort();
  };
  const names = Object.keys(STATUS) as (keyof typeof STATUS)[];
  for (const name of names) process.on(name, onSignal);
  return {
    drain: drain.signal,
    abort: abort.signal,
    status: () => status,
    release: () => {
      for (const name of names) process.off(name, onSignal);
      if (abort.signal.aborted) setImmediate(() => process.stderr.write('', () => process.exit(status)));
    },
  };
}
