/** A file of a job that may be killed, and go on with it. */
import { MillraceError } from '../../errors.ts';
import type { Json } from '../../core/batch/batch.ts';
import { AppendedFile } from './appending-writer.ts';
import { AtomicFile, besideOf, makeBeside, replacedFile } from './atomic-writer.ts';
import { Claim } from './claim.ts';
import { errnoOf, exists, fileError, tried } from './errors.ts';
import { FILE_SYSTEM, type FileSystem } from './file-system.ts';
import type { FileWriter } from './file-writer.ts';
import { foundAt, type FoundThere } from './identity.ts';

export type FileMode = 'create' | 'append' | 'replace';

/** Where a file was committed. */
export type FileState = {
  readonly file: string;
  readonly bytes: number;
  /** Its records have a place before them, or none. */
  readonly hasRecords: boolean;
};

export interface Kept {
  readonly jobId: string;
  /** Undefined: the job begins at the beginning. */
  readonly state: FileState | undefined;
  /** Nothing is to be written: what was committed is to be put in place, where that was missed. */
  readonly isDone: boolean;
  warn(message: string): void;
}

/** What a job leaves beside a file that it appends to: what stands there behind `begin` and up to `most` is its own. */
interface Appending {
  readonly file: string;
  readonly begin: number;
  readonly most: number;
}

/** A file that a job goes on with; `at` is where its bytes are. */
export interface OpenedKept {
  readonly writer: FileWriter;
  readonly at: string;
  /** All that it has is the job's. */
  readonly isOwn: boolean;
}

/** Whether a file is there as it was committed, or longer. */
export async function stands(path: string, jobId: string, state: Json, fs: FileSystem = FILE_SYSTEM): Promise<boolean> {
  const { file, bytes } = state as FileState;
  const places = await placesOf(path, jobId, fs);
  const found = [await foundAt(places.beside, fs), await foundAt(places.target, fs)];
  return found.some(there => there !== undefined && there.identity === file && there.size >= bytes);
}

/**
 * Goes back to where the file was committed, or takes away what an earlier run of the job left. Written beside its place until `close`, but for one that is
 * appended to. JOB_RUNNING; IO_FAILED where the file is not what it was; and those of the other writers.
 */
export async function openKept(path: string, mode: FileMode, kept: Kept, fs: FileSystem = FILE_SYSTEM): Promise<OpenedKept> {
  const { target, beside, claimed } = await placesOf(path, kept.jobId, fs);
  const claim = await Claim.take<Appending>(claimed, fs);
  try {
    const opening = new Opening({ named: path, target, beside, mode, fs }, kept, claim);
    const { writer, at } = await opening.open();
    return { writer: new KeptFile(writer, claim, kept.state !== undefined), at, isOwn: writer instanceof AtomicFile };
  } catch (error) {
    await (claim.left === undefined ? claim.remove() : claim.release());
    throw error;
  }
}

interface Places {
  readonly target: string;
  readonly beside: string;
  readonly claimed: string;
}

/** The file itself where the name is a link to it. */
async function placesOf(path: string, jobId: string, fs: FileSystem): Promise<Places> {
  const target = await fs.realpath(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return path;
    throw fileError(error, path, 'looking for it');
  });
  return { target, beside: besideOf(target, `${jobId}.tmp`), claimed: besideOf(target, `${jobId}.job`) };
}

interface Place extends Omit<Places, 'claimed'> {
  readonly named: string;
  readonly mode: FileMode;
  readonly fs: FileSystem;
}

type Opened = { readonly writer: AtomicFile | AppendedFile | undefined; readonly at: string };

class Opening {
  readonly #place: Place;
  readonly #kept: Kept;
  readonly #claim: Claim<Appending>;

  constructor(place: Place, kept: Kept, claim: Claim<Appending>) {
    this.#place = place;
    this.#kept = kept;
    this.#claim = claim;
  }

  async open(): Promise<Opened> {
    const { target, beside, fs } = this.#place;
    const { state, isDone } = this.#kept;
    const [left, there] = [await foundAt(beside, fs), await foundAt(target, fs)];
    if (state === undefined) return isDone ? { writer: undefined, at: target } : this.#anew(left, there);
    if (left?.identity === state.file) return this.#goOnBeside(state, left, there);
    if (there?.identity !== state.file || there.size < state.bytes) throw this.#changed();
    if (isDone) return { writer: undefined, at: target };
    if (this.#place.mode === 'append') return this.#append(there, state);
    // It was put in place by a run that was stopped: what is whole again comes there.
    await tried(this.#place.named, 'going on with it', () => fs.rename(target, beside));
    return this.#goOnBeside(state, there, undefined);
  }

  async #goOnBeside(state: FileState, left: FoundThere, there: FoundThere | undefined): Promise<Opened> {
    const { named, target, beside, mode, fs } = this.#place;
    if (left.size < state.bytes) throw this.#changed();
    // A kill while it was put in place: it has both names.
    if (there?.identity === state.file) {
      await fs.unlink(this.#kept.isDone ? beside : target);
      if (this.#kept.isDone) return { writer: undefined, at: target };
    } else if (there !== undefined && mode !== 'replace') throw exists(named);
    const file = await tried(named, 'opening it', () => fs.open(beside, 'a'));
    const way = mode === 'replace' ? mode : 'create';
    const writer = new AtomicFile({ named, target, beside, mode: way, keeps: true, file, fs }, state.bytes);
    if (left.size > state.bytes) await tried(named, 'cutting it back', () => file.truncate(state.bytes));
    return { writer, at: beside };
  }

  async #anew(left: FoundThere | undefined, there: FoundThere | undefined): Promise<Opened> {
    const { named, beside, mode, fs } = this.#place;
    if (left !== undefined) await tried(named, 'removing what a run left beside it', () => fs.unlink(beside));
    if (mode === 'append' && there !== undefined) return this.#append(there, undefined);
    const way = mode === 'replace' ? mode : 'create';
    const replaced = await replacedFile(named, way, fs);
    return { writer: await makeBeside(named, way, { replaced, beside, keeps: true }, fs), at: beside };
  }

  /** Behind what was committed, or what was there before the job. */
  async #append(there: FoundThere, state: FileState | undefined): Promise<Opened> {
    const { named, target, fs } = this.#place;
    const own = this.#claim.left?.file === there.identity ? this.#claim.left : undefined;
    const length = await this.#cut(there, state?.bytes ?? own?.begin ?? there.size, own);
    const begin = own !== undefined && own.begin <= length && there.size <= own.most ? own.begin : length;
    const file = await tried(named, 'opening it', () => fs.open(target, 'a'));
    const growsTo = (most: number): Promise<void> => this.#claim.note({ file: there.identity, begin, most });
    return { writer: new AppendedFile(named, file, length, growsTo), at: target };
  }

  /** Takes away what the job wrote behind this; gives how long the file is. What is somebody else's is not ours to cut. */
  async #cut({ size }: FoundThere, bytes: number, own: Appending | undefined): Promise<number> {
    const { named, target, fs } = this.#place;
    if (size <= bytes) return size;
    if (own === undefined || size > own.most || bytes < own.begin) {
      this.#kept.warn(`${named}: somebody else has written to it since; what this job had written there last may be there twice`);
      return size;
    }
    const file = await tried(named, 'opening it', () => fs.open(target, 'r+'));
    try {
      await tried(named, 'cutting it back', () => file.truncate(bytes));
    } finally {
      await file.close();
    }
    return bytes;
  }

  #changed(): MillraceError {
    return new MillraceError(
      'IO_FAILED',
      `${this.#place.named} is not as the job had left it: it was changed since; run it without resume`,
    );
  }
}

/** With the claim that a run has on it. */
class KeptFile implements FileWriter {
  readonly #writer: AtomicFile | AppendedFile | undefined;
  readonly #claim: Claim<Appending>;
  #isCommitted: boolean;

  constructor(writer: AtomicFile | AppendedFile | undefined, claim: Claim<Appending>, isCommitted: boolean) {
    this.#writer = writer;
    this.#claim = claim;
    this.#isCommitted = isCommitted;
  }

  get isFresh(): boolean {
    return this.#writer?.isFresh ?? false;
  }

  get identity(): Promise<string> {
    return this.#writer?.identity ?? Promise.resolve('');
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    await this.#writer?.write(chunks);
  }

  async commit(): Promise<number> {
    const bytes = (await this.#writer?.commit()) ?? 0;
    this.#isCommitted = true;
    return bytes;
  }

  async close(): Promise<void> {
    try {
      await this.#writer?.close();
    } catch (error) {
      await this.#claim.release();
      throw error;
    }
    await this.#claim.remove();
  }

  /** What was committed is there for a run that goes on, and what such a run has to know. */
  async abort(): Promise<void> {
    const writer = this.#writer;
    try {
      if (!(writer instanceof AtomicFile && this.#isCommitted && (await writer.leave()))) await writer?.abort();
    } finally {
      await (this.#isCommitted ? this.#claim.release() : this.#claim.remove());
    }
  }
}
