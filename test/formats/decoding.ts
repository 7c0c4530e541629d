import type { AnyBatch } from '../../lib/core/define.ts';
import type { DecodeContext, Decoder } from '../../lib/formats/format.ts';

/** Bytes in pieces of this size, in memory that is overwritten as soon as the next piece is asked for. */
export async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    const piece = Uint8Array.from(bytes.subarray(at, at + size));
    yield piece;
    piece.fill(0x58);
  }
}

export interface Decoded {
  readonly batches: AnyBatch[];
  readonly rows: object[];
  readonly counted: number;
}

/** Everything that a decoder makes of this text, cut into pieces of `size`. */
export async function decodeAll(
  decoder: Decoder,
  input: string | Uint8Array,
  size = 1_000_000,
  more: Partial<DecodeContext> = {},
): Promise<Decoded> {
  let counted = 0;
  const context: DecodeContext = {
    file: 'in.json',
    batchRows: 4096,
    batchBytes: 65_536,
    maxRecordBytes: 1 << 20,
    warn: () => undefined,
    counted: ({ rows = 0 }) => void (counted += rows),
    ...more,
  };
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  const batches: AnyBatch[] = [];
  for await (const batch of decoder.decode(pieces(bytes, size), undefined, context)) batches.push(batch);
  return { batches, rows: batches.flatMap(batch => batch.rows), counted };
}

/** Code and message of what a promise rejects with. */
export async function failure(running: Promise<unknown>): Promise<{ code: string; message: string }> {
  return running.then(
    () => ({ code: 'none', message: 'nothing was thrown' }),
    (error: { code: string; message: string }) => ({ code: error.code, message: error.message }),
  );
}
