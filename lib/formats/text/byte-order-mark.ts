const MARK = [0xef, 0xbb, 0xbf] as const;

/** An input and how many bytes were left out at its beginning, known with the first chunk. */
export interface Unmarked {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly skipped: number;
}

/** The same, or the chunks as they are where `isWanted` says that a mark is data. */
export function unmarked(chunks: AsyncIterable<Uint8Array>, isWanted: boolean): Unmarked {
  const input = { chunks, skipped: 0 };
  if (isWanted) input.chunks = withoutByteOrderMark(chunks, bytes => (input.skipped = bytes));
  return input;
}

/** Chunks without the UTF-8 byte order mark that they may begin with, in pieces of any size; `found` is told before the first chunk of the rest. */
export async function* withoutByteOrderMark(chunks: AsyncIterable<Uint8Array>, found: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let head: Uint8Array | undefined = new Uint8Array(0);
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    const joined: Uint8Array = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const isBegun = MARK.every((byte, i) => i >= joined.length || joined[i] === byte);
    if (isBegun && joined.length < MARK.length) {
      // A copy: chunks are valid until the next one is asked for.
      head = Uint8Array.from(joined);
      continue;
    }
    head = undefined;
    if (isBegun) found(MARK.length);
    const rest = isBegun ? joined.subarray(MARK.length) : joined;
    if (rest.length > 0) yield rest;
  }
  if (head !== undefined && head.length > 0) yield head;
}
