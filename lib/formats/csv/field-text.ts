import { isAscii } from 'node:buffer';
import type { TextBuffer } from '../../values/text-buffer.ts';

const LONGEST_SHORT = 24;
const QUOTE = 34;

type Decode = (bytes: TextBuffer, start: number, end: number) => string;

/** Text of the bytes from `start` to `end`, which are valid UTF-8. Never a part of a longer string, which would keep it alive. */
export type DecodeText = Decode;

/** The decoder for these bytes: the quicker one where all are ASCII. */
export function textDecoderOf(bytes: TextBuffer): DecodeText {
  return isAscii(bytes) ? decodeAscii : decodeUtf8;
}

/** The value of a field whose first byte is a quote and whose last closes it. */
export function decodeQuoted(bytes: TextBuffer, start: number, end: number, decode: DecodeText): string {
  const last = end - 1;
  let first = start + 1;
  while (first < last && bytes[first] !== QUOTE) first++;
  if (first === last) return decode(bytes, start + 1, last);
  const length = last - start - 1;
  const unquoted = length <= scratch.length ? scratch : (Buffer.allocUnsafeSlow(length) as TextBuffer);
  let to = 0;
  for (let at = start + 1; at < last; at++) {
    const byte = bytes[at] as number;
    unquoted[to++] = byte;
    // Of two quotes one is left.
    if (byte === QUOTE) at++;
  }
  return decode(unquoted, 0, to);
}

/** Fields without the quotes that were doubled. */
const scratch = Buffer.alloc(4096) as TextBuffer;

export function isQuoted(bytes: Uint8Array, start: number): boolean {
  return bytes[start] === QUOTE;
}

/** A call into C++ costs as much as building a string of about 30 characters here. */
function decodeAscii(bytes: TextBuffer, start: number, end: number): string {
  return end - start <= LONGEST_SHORT ? decodeShort(bytes, start, end) : bytes.latin1Slice(start, end);
}

function decodeUtf8(bytes: TextBuffer, start: number, end: number): string {
  if (end - start > LONGEST_SHORT) return bytes.utf8Slice(start, end);
  for (let i = start; i < end; i++) if ((bytes[i] as number) > 127) return bytes.utf8Slice(start, end);
  return decodeShort(bytes, start, end);
}

const decodeShort = compileShort();

/** One call of String.fromCharCode for each length: `case 2: return String.fromCharCode(bytes[start], bytes[start + 1]);` */
function compileShort(): Decode {
  const cases = Array.from({ length: LONGEST_SHORT + 1 }, (_, length) => {
    const codes = Array.from({ length }, (_, i) => `bytes[start + ${i}]`);
    return `case ${length}: return String.fromCharCode(${codes.join(', ')});`;
  });
  try {
    return new Function('bytes', 'start', 'end', `switch (end - start) { ${cases.join('\n')} }`) as Decode;
  } catch {
    return (bytes, start, end) => bytes.latin1Slice(start, end);
  }
}
