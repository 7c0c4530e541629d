import { RecordBatch } from '../batch/batch.ts';
import type { AnyBatch } from '../define.ts';
import type { PackedRows } from '../batch/packed.ts';

const MOST_CHUNK_BYTES = 1024 * 1024;
const LEAST_CHUNK_BYTES = 4096;
const CHUNKS = 64;
/** Beside its bytes: where a row begins, and where it stood. */
const ROW_BYTES = 24;

/**
 * Bytes of rows in memory that is used again and again. Memory that sources made is given back only when V8 collects, and until then as much as
 * is held may stand beside it.
 */
export class PackedStore {
  /** What is in use. */
  bytes = 0;
  readonly #chunkBytes: number;
  readonly #chunks: Buffer[] = [];
  #used = 0;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(stateBytes: number) {
    this.#chunkBytes = Math.max(LEAST_CHUNK_BYTES, Math.min(MOST_CHUNK_BYTES, Math.floor(stateBytes / CHUNKS)));
  }

  /** The same rows, on their own. */
  add(batch: AnyBatch, { bytes, starts, form, places }: PackedRows): AnyBatch {
    const from = starts[0] ?? 0;
    const to = starts[batch.length] ?? bytes.length;
    const own = this.#reserve(to - from);
    own.set(bytes.subarray(from, to));
    const ownStarts = new Uint32Array(batch.length + 1);
    for (let row = 0; row < batch.length; row++) ownStarts[row] = (starts[row] as number) - from;
    ownStarts[batch.length] = to - from;
    this.bytes += batch.length * ROW_BYTES;
    return new RecordBatch(form.open(own, ownStarts, places), batch.schemaKnown ? batch.schema : undefined) as AnyBatch;
  }

  /** Nobody looks any more at the batches that were added: their memory is for others. */
  clear(): void {
    this.#chunk = Buffer.alloc(0);
    this.#used = this.#at = this.bytes = 0;
  }

  /** The same for good: nothing more comes. */
  release(): void {
    this.clear();
    this.#chunks.length = 0;
  }

  #reserve(bytes: number): Buffer {
    if (this.#at + bytes > this.#chunk.length) {
      this.#chunk = this.#next(bytes);
      this.#at = 0;
      this.bytes += this.#chunk.length;
    }
    this.#at += bytes;
    return this.#chunk.subarray(this.#at - bytes, this.#at);
  }

  #next(bytes: number): Buffer {
    if (bytes > this.#chunkBytes) return Buffer.allocUnsafeSlow(bytes);
    let chunk = this.#chunks[this.#used];
    if (chunk === undefined) this.#chunks.push((chunk = Buffer.allocUnsafeSlow(this.#chunkBytes)));
    this.#used++;
    return chunk;
  }
}
