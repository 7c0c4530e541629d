import { fileError } from './errors.ts';
import type { FileWriter } from './file-writer.ts';

const STDOUT = 'standard output';

/** The bytes of standard input, to its end or until the signal; a read that waits for somebody to type is given up then. IO_FAILED. */
export async function* readStdin(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { stdin } = process;
  const giveUp = (): void => void stdin.destroy();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    if (!signal.aborted) yield* stdin as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!signal.aborted) throw fileError(error, 'standard input', 'reading it');
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/**
 * Standard output: what is written is gone. A write is over when the reader of a pipe took it; one that nobody reads is given up at the
 * signal. IO_FAILED, with the cause EPIPE where the reader went away.
 */
export function openStdout(signal: AbortSignal): FileWriter {
  let bytes = 0;
  // The write that failed says so itself: without a listener the stream would end the process.
  const ignore = (): void => undefined;
  process.stdout.on('error', ignore);
  const release = (): Promise<void> => Promise.resolve(void process.stdout.off('error', ignore));
  return {
    isFresh: true,
    write: async chunks => {
      for (const chunk of chunks) {
        await writeOut(chunk, signal);
        bytes += chunk.length;
      }
    },
    commit: () => Promise.resolve(bytes),
    close: release,
    abort: release,
  };
}

function writeOut(chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(fileError(signal.reason, STDOUT, 'writing it'));
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    process.stdout.write(chunk, error => {
      signal.removeEventListener('abort', giveUp);
      if (error) reject(fileError(error, STDOUT, 'writing it'));
      else resolve();
    });
  });
}
