/** What fails a run that has not ended. */
type Fail = () => void;

const pending = new Set<Fail>();

/**
 * A run whose stage never answers, while nothing is left that could wake it, would end with the process, and with exit status 0. Such a run
 * fails. Returns what to call at its end.
 */
export function failUnfinished(fail: Fail): () => void {
  if (pending.size === 0) process.on('beforeExit', failAll);
  pending.add(fail);
  return () => {
    pending.delete(fail);
    if (pending.size === 0) process.off('beforeExit', failAll);
  };
}

function failAll(): void {
  for (const fail of pending) fail();
  // Else Node would not ask again, though what follows may leave another run behind.
  setImmediate(() => undefined);
}
