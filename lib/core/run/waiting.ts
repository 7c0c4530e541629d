import { setMaxListeners } from 'node:events';

/** For the signals of the engine: any number of calls may wait for one at the same time. */
export function abortController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Resolves after so many milliseconds, unless it is cleared. */
export function timeout(ms: number): { elapsed: Promise<void>; clear: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<void>(resolve => (timer = setTimeout(resolve, ms)));
  return { elapsed, clear: () => clearTimeout(timer) };
}

/** Whether a function that has to answer at once gave a promise. Nobody waits for it, and should it reject, that ends no process. */
export function isUnwantedPromise(value: unknown): value is PromiseLike<unknown> {
  if (value instanceof Promise) value.catch(() => undefined);
  return isThenable(value);
}

/** Whether a user's function gave a promise. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
