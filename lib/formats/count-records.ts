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
  return chunks => {
    let count = 0;
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at++) {
        const byte = chunk[at];
        if (byte === quote) isInQuotes = !isInQuotes;
        else if (byte === LF && !isInQuotes) count++;
      }
    }
    return count;
  };
}
