export interface Stopping {
  /** Aborted by the first signal: reading ends, what was read is finished and committed. */
  readonly drain: AbortSignal;
  /** Aborted by the second signal: the run is given up at once. */
  readonly abort: AbortSignal;
  /** The exit status of a process that a signal stopped; undefined before one came. */
  status(): number | undefined;
  /** Signals do what they always do again. */
  release(): void;
}

const STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Turns SIGINT and SIGTERM into the two ways of stopping a run; a third signal ends the process as it stands. `onFirst` tells the user. */
export function listenForSignals(onFirst: () => void): Stopping {
  const drain = new AbortController();
  const abort = new AbortController();
  let status: number | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    if (abort.signal.aborted) process.exit(STATUS[name as keyof typeof STATUS]);
    const isFirst = status === undefined;
    status = STATUS[name as keyof typeof STATUS];
    if (!isFirst) return abort.abort();
    onFirst();
    drain.abort();
  };
  const names = Object.keys(STATUS) as (keyof typeof STATUS)[];
  for (const name of names) process.on(name, onSignal);
  return {
    drain: drain.signal,
    abort: abort.signal,
    status: () => status,
    release: () => names.forEach(name => process.off(name, onSignal)),
  };
}
