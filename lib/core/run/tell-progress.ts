import type { Progress } from './progress.ts';

/** Calls `onProgress`. One that throws, or whose promise is rejected, is not called again; the run goes on, for it moves the records. */
export function tellProgress(
  onProgress: ((progress: Progress) => unknown) | undefined,
  warn: (message: string) => void,
): ((progress: Progress) => void) | undefined {
  if (onProgress === undefined) return undefined;
  let isOff = false;
  const failed = (error: unknown): void => {
    if (isOff) return;
    isOff = true;
    warn(`onProgress threw and is not called again: ${error instanceof Error ? error.message : String(error)}`);
  };
  return progress => {
    if (isOff) return;
    try {
      const told = onProgress(progress);
      if (told instanceof Promise) told.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}
