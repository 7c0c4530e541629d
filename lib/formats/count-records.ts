/** Counts the records in bytes that come one after the other. */
export type RecordCounter = (chunks: readonly Uint8Array[]) => number;

const LF = 10;

/** A record ends with each LF; with a quote given, with each that stands outside of quotes. */
export function lineCounter(quote?: string): RecordCounter {
  return quote === undefined
    ? chunks => chunks.reduce((count, chunk) => count + linesOf(chunk), 0)
    : quotedLineCounter(quote.charCodeAt(0));
}

function linesOf(chunk: Uint8Array): number {
  let count = 0;
  for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) count++;
  return count;
}

/** Two quotes in a row are out of quotes and back in again: they need no care. */
function quotedLineCounter(quote: number): RecordCounter {
  let isInQuotes = false;
  const countBytes = (chunk: Uint8Array, start: number, end: number): number => {
    let count = 0;
    for (let at = start; at < end; at++) {
      const byte = chunk[at];
      if (byte === quote) isInQuotes = !isInQuotes;
      else if (byte === LF && !isInQuotes) count++;
    }
    return count;
  };
  const [quotes, lines] = [quote * EACH_BYTE, LF * EACH_BYTE];
  /** Four bytes at once: most have neither. */
  const countChunk = (chunk: Uint8Array): number => {
    const start = -chunk.byteOffset & 3;
    if (chunk.length < start + 4) return countBytes(chunk, 0, chunk.length);
    const words = new Int32Array(chunk.buffer, chunk.byteOffset + start, (chunk.length - start) >> 2);
    let count = countBytes(chunk, 0, start);
    for (let i = 0; i < words.length; i++) {
      const word = words[i] as number;
      if (hasZero(word ^ quotes) || hasZero(word ^ lines)) count += countBytes(chunk, start + 4 * i, start + 4 * i + 4);
    }
    return count + countBytes(chunk, start + 4 * words.length, chunk.length);
  };
  return chunks => chunks.reduce((count, chunk) => count + countChunk(chunk), 0);
}

const EACH_BYTE = 0x01010101;

/** Whether one of the four bytes is 0. Source: https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord */
function hasZero(word: number): boolean {
  return (((word - EACH_BYTE) | 0) & ~word & 0x80808080) !== 0;
}
