/** Which run of a job is at a file, and what it leaves to the next one, should it be killed: a small file beside. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '../../errors.ts';
import { isDead, startOf, world } from '../host/processes.ts';
import { errnoOf, tried } from './errors.ts';
import { FILE_SYSTEM, type FileSystem } from './file-system.ts';

interface Holder {
  readonly pid: number;
  readonly started: string;
  readonly world: string;
}

interface Content<Note> {
  readonly holder: Holder | null;
  readonly note: Note | null;
}

/** Whoever takes a claim is done with it before long. */
const TAKING_MS = 5000;
const LOOK_EVERY_MS = 20;

/** One of a process that is no more is taken over. JOB_RUNNING where its holder is at work. */
export class Claim<Note> {
  /** What the holder before had noted. */
  readonly left: Note | undefined;
  readonly #path: string;
  readonly #fs: FileSystem;
  #note: Note | undefined;

  private constructor(path: string, fs: FileSystem, left: Note | undefined) {
    this.#path = path;
    this.#fs = fs;
    this.left = this.#note = left;
  }

  static async take<Note>(path: string, fs: FileSystem = FILE_SYSTEM): Promise<Claim<Note>> {
    return guarded(path, fs, async () => {
      const content = await contentOf<Note>(path, fs);
      const holder = content?.holder ?? undefined;
      if (holder !== undefined && !isGone(holder)) {
        throw new MillraceError(
          'JOB_RUNNING',
          `another run of this job is at work (process ${holder.pid}${holder.world === world() ? '' : ' of another host'}); wait for its end, or end it; where it is no more remove ${path}`,
          { retryable: true },
        );
      }
      const claim = new Claim<Note>(path, fs, content?.note ?? undefined);
      await claim.#write(own());
      return claim;
    });
  }

  /** For the next run. */
  async note(note: Note): Promise<void> {
    this.#note = note;
    await this.#write(own());
  }

  /** Somebody else may have it; what was noted stays. */
  async release(): Promise<void> {
    await this.#write(null);
  }

  async remove(): Promise<void> {
    await this.#fs.unlink(this.#path).catch(() => undefined);
  }

  /** As a whole: a kill leaves the one or the other. */
  async #write(holder: Holder | null): Promise<void> {
    const made = `${this.#path}.${randomBytes(4).toString('hex')}`;
    const content: Content<Note> = { holder, note: this.#note ?? null };
    await tried(this.#path, 'writing it', async () => {
      const file = await this.#fs.open(made, 'wx', 0o600);
      try {
        await file.writeFile(JSON.stringify(content));
      } finally {
        await file.close();
      }
      await this.#fs.rename(made, this.#path);
    });
  }
}

function own(): Holder {
  return { pid: process.pid, started: startOf(process.pid), world: world() };
}

function isGone({ pid, started, world: where }: Holder): boolean {
  return where === world() && isDead(pid, started);
}

async function contentOf<Note>(path: string, fs: FileSystem): Promise<Content<Note> | undefined> {
  try {
    const file = await fs.open(path, 'r');
    try {
      return JSON.parse(await file.readFile('utf8')) as Content<Note>;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    return tried(path, 'reading it', () => Promise.reject(error as Error));
  }
}

/** One after the other; a guard that a killed process left is an old one. */
async function guarded<T>(path: string, fs: FileSystem, call: () => Promise<T>): Promise<T> {
  const guard = `${path}.taking`;
  for (;;) {
    try {
      await (await fs.open(guard, 'wx', 0o600)).close();
      break;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') return tried(path, 'making it', () => Promise.reject(error as Error));
      const since = await fs.stat(guard).then(
        ({ mtimeMs }) => mtimeMs,
        () => Date.now(),
      );
      if (Date.now() - since > TAKING_MS) await fs.unlink(guard).catch(() => undefined);
      else await sleep(LOOK_EVERY_MS);
    }
  }
  try {
    return await call();
  } finally {
    await fs.unlink(guard).catch(() => undefined);
  }
}
