/** Hears `signal` and `drain`, at once where they are aborted already. Returns what takes the listeners off again. */
export function listen(
  { signal, drain }: { readonly signal?: AbortSignal | undefined; readonly drain?: AbortSignal | undefined },
  { cancel, stop }: { readonly cancel: () => void; readonly stop: () => void },
): () => void {
  if (signal?.aborted === true) cancel();
  if (drain?.aborted === true) stop();
  signal?.addEventListener('abort', cancel, { once: true });
  drain?.addEventListener('abort', stop, { once: true });
  return () => {
    signal?.removeEventListener('abort', cancel);
    drain?.removeEventListener('abort', stop);
  };
}
