import type { Duplex } from 'node:stream';

/** How long a server may take to hang up. */
const HANG_UP_LIMIT_MS = 2000;

/**
 * Resolves when the server has hung up, which it does when the session counts no more among those that it allows; one that does not is hung up on.
 * Source: https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/libpq/pqcomm.c, socket_close
 */
export async function untilHungUp(stream: Duplex): Promise<void> {
  if (!stream.destroyed && !stream.readableEnded) {
    await new Promise<void>(resolve => {
      const timer = setTimeout(() => stream.destroy(), HANG_UP_LIMIT_MS);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      stream.once('end', done).once('close', done);
    });
  }
  stream.destroy();
}
