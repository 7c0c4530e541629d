import { isUtf8 } from 'node:buffer';
import { MillraceError } from '../../errors.ts';
import { likelyEncoding } from './likely-encoding.ts';

const LF = 10;

/** A byte of an input: `offset` counts from its first one. */
export interface BytePlace {
  readonly file: string;
  readonly line: number;
  readonly offset: number;
}

/** What is wrong with the encoding, and where; `bytes` are some of those around, for a guess of what they are. ENCODING_INVALID. */
export function encodingInvalid({ file, line, offset }: BytePlace, bytes: Uint8Array): MillraceError {
  const likely = likelyEncoding(bytes);
  return new MillraceError(
    'ENCODING_INVALID',
    `${file}:${line}: byte ${offset} is no UTF-8; it looks like ${likely}: set encoding, as in { encoding: '${likely}' } or ?encoding=${likely}`,
  );
}

/** The first byte that cannot be UTF-8, also of bytes that end inside a character; undefined where there is none. */
export function firstInvalidByte(bytes: Uint8Array): number | undefined {
  const whole = bytes.subarray(0, bytes.length - unfinishedBytes(bytes));
  if (isUtf8(whole)) return undefined;
  let at = 0;
  for (let next = 0; next >= 0; next = characterEnd(whole, at)) at = next;
  return at;
}

/** Behind the character that begins at `at`; -1 where none does. */
function characterEnd(bytes: Uint8Array, at: number): number {
  for (let end = at + 1; end <= Math.min(at + 4, bytes.length); end++) if (isUtf8(bytes.subarray(at, end))) return end;
  return -1;
}

/** Line ends (LF) in the bytes before `end`. */
export function newlines(bytes: Uint8Array, end = bytes.length): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at >= 0 && at < end; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}

/** How many bytes at the end begin a character that goes on behind them: 0 to 3. */
export function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xf5) return 0;
    if (byte >= 0xc2) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}
