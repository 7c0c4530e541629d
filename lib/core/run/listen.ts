type Listener = () => void;

/** Of each signal of a caller those who listen: many runs may have the same, and Node takes more than ten listeners for a leak. */
const hubs = new WeakMap<AbortSignal, Set<Listener>>();

/** Hears `signal` and `drain`, at once where they are aborted already. Returns what takes the listeners off again. */
export function listen(
  { signal, drain }: { readonly signal?: AbortSignal | undefined; readonly drain?: AbortSignal | undefined },
  { cancel, stop }: { readonly cancel: Listener; readonly stop: Listener },
): Listener {
  const off = [on(signal, cancel), on(drain, stop)];
  return () => off.forEach(take => take());
}

function on(signal: AbortSignal | undefined, listener: Listener): Listener {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  const hub = hubs.get(signal) ?? newHub(signal);
  hub.add(listener);
  return () => {
    hub.delete(listener);
    if (hub.size === 0) closeHub(signal);
  };
}

const onAbort = ({ target }: Event): void => {
  const listeners = [...(hubs.get(target as AbortSignal) ?? [])];
  closeHub(target as AbortSignal);
  for (const listener of listeners) listener();
};

function newHub(signal: AbortSignal): Set<Listener> {
  const hub = new Set<Listener>();
  hubs.set(signal, hub);
  signal.addEventListener('abort', onAbort);
  return hub;
}

function closeHub(signal: AbortSignal): void {
  hubs.delete(signal);
  signal.removeEventListener('abort', onAbort);
}
