import { MillraceError } from '../../errors.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { type CsvOptions, list } from './options.ts';

const PRINTED = /[0-9A-Za-z+\-.:]/;
const LONGEST_SHORT = 48;
const CR = 13;
const LF = 10;
const BACKSLASH = 92;
const BYTE_ORDER_MARK = 0xfeff;
const BYTE_ORDER_MARK_FIRST = 0xef;

/** Writes values as fields of a dialect, in quotes only where they are needed. */
export interface FieldWriter {
  /** Null is `nullText`; VALUE_NOT_CARRIED for text that has no form in this dialect or no UTF-8. */
  write(out: ByteWriter, text: string | null): void;
  /** The same of well-formed UTF-8 that lies in other bytes, not null. */
  copy(out: ByteWriter, bytes: Uint8Array, start: number, end: number): void;
  /** Letters, digits and `+ - . :` never need quotes here. */
  readonly takesPrinted: boolean;
  /** What was written from `start` on is what stands for null. */
  isNull(out: ByteWriter, start: number): boolean;
  delimiter(out: ByteWriter): void;
  recordEnd(out: ByteWriter): void;
}

/** `""` for '' needs quotes; with `quote: false` the difference from null cannot be written, nor can delimiters in text. */
export function fieldWriter(options: CsvOptions): FieldWriter {
  const delimiter = Buffer.from(list(options.delimiter)[0] ?? ',');
  const recordEnd = Buffer.from(list(options.recordDelimiter ?? '\n')[0] ?? '\n');
  const needsQuotes = quotingTest(options);
  const plain = plainBytes(options);
  const isNull = (text: string) => text === options.nullText;
  const quoteByte = singleQuote(options);
  const hasTrim = trims(options);
  const nullBytes = Buffer.byteLength(options.nullText);
  return {
    copy(out, bytes, start, end) {
      const length = end - start;
      // Blanks that are trimmed are not ASCII only.
      const mayBeTrimmed = hasTrim && ((bytes[start] as number) > 127 || (bytes[end - 1] as number) > 127);
      if (quoteByte === undefined || length === 0 || length === nullBytes || bytes[start] === BYTE_ORDER_MARK_FIRST || mayBeTrimmed)
        return this.write(out, utf8Text(bytes, start, end));
      const stop = length > LONGEST_SHORT ? firstOdd(bytes, start, end, plain) : copyPlain(out, bytes, start, end, plain);
      if (stop === end) {
        if (length > LONGEST_SHORT) out.copy(bytes, start, end);
      } else if (bytes[stop] === BACKSLASH || hasTrim) this.write(out, utf8Text(bytes, start, end));
      else copyQuoted(out, bytes, start, end, quoteByte);
    },
    write(out, text) {
      if (text === null) {
        if (options.nullText !== '') out.text(options.nullText);
      } else if (text.length > LONGEST_SHORT || text.length === 0 || !writeShort(out, text, plain)) writeAny(out, text);
      else if (options.nullText.length === text.length && isNull(text)) {
        out.length -= text.length;
        writeQuoted(out, text, options);
      }
    },
    takesPrinted: plain.every((isPlain, code) => isPlain === 1 || !PRINTED.test(String.fromCharCode(code))),
    isNull: (out, start) => out.length - start === nullBytes && isNull(utf8Text(out.bytes, start, out.length)),
    delimiter: signWriter(delimiter),
    recordEnd: signWriter(recordEnd),
  };

  function writeAny(out: ByteWriter, text: string): void {
    if (!isWellFormed(text)) throw new MillraceError('VALUE_NOT_CARRIED', 'text with a lone surrogate has no UTF-8 form');
    if (isNull(text) || needsQuotes(text)) writeQuoted(out, text, options);
    else out.text(text);
  }
}

function signWriter(sign: Uint8Array): (out: ByteWriter) => void {
  const [byte = 0] = sign;
  return sign.length === 1 ? out => out.byte(byte) : out => out.copy(sign, 0, sign.length);
}

/** The quote where it is one ASCII character that escapes itself, and no other sign is beyond ASCII: then bytes can be looked at one by one. */
function singleQuote(options: CsvOptions): number | undefined {
  const { quote, escape, delimiter, recordDelimiter, comment } = options;
  if (typeof quote !== 'string' || (escape !== null && escape !== undefined && escape !== quote)) return undefined;
  const signs = [quote, comment, ...list(delimiter), ...list(recordDelimiter ?? [])].filter(sign => typeof sign === 'string');
  return quote.length === 1 && signs.every(sign => /^[\0-\x7f]*$/.test(sign)) ? quote.charCodeAt(0) : undefined;
}

function trims({ trim, ltrim, rtrim }: CsvOptions): boolean {
  return trim || ltrim || rtrim;
}

/** Copied in the same pass in which it is looked at; where `end` is not reached nothing is written. */
function copyPlain(out: ByteWriter, bytes: Uint8Array, start: number, end: number, plain: Uint8Array): number {
  out.reserve(end - start);
  const target = out.bytes;
  let to = out.length;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (plain[byte] === 0) return at;
    target[to++] = byte;
  }
  out.length = to;
  return end;
}

/** The first ASCII character that may need quotes, or `end`. */
function firstOdd(bytes: Uint8Array, start: number, end: number, plain: Uint8Array): number {
  for (let at = start; at < end; at++) {
    if (plain[bytes[at] as number] === 0) return at;
  }
  return end;
}

function copyQuoted(out: ByteWriter, bytes: Uint8Array, start: number, end: number, quote: number): void {
  out.reserve(2 * (end - start) + 2);
  const target = out.bytes;
  let to = out.length;
  target[to++] = quote;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === quote) target[to++] = quote;
    target[to++] = byte;
  }
  target[to++] = quote;
  out.length = to;
}

function utf8Text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}

/** Short text of bytes that need no quotes, in one pass; false, and nothing written, where there is any other. */
function writeShort(out: ByteWriter, text: string, plain: Uint8Array): boolean {
  const length = text.length;
  out.reserve(length);
  const bytes = out.bytes;
  let at = out.length;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127 || plain[code] === 0) return false;
    bytes[at++] = code;
  }
  out.length = at;
  return true;
}

function writeQuoted(out: ByteWriter, text: string, { quote, escape }: CsvOptions): void {
  if (quote === false) throw new MillraceError('VALUE_NOT_CARRIED', 'text that needs quotes, and the dialect has none (quote: false)');
  const sign = escape ?? quote;
  // By functions: a `$` in a replacement text has a meaning of its own.
  const doubled = text.replaceAll(sign, () => sign + sign);
  const escaped = sign === quote ? doubled : doubled.replaceAll(quote, () => sign + quote);
  out.text(quote + escaped + quote);
}

/** Does it hold a sign of the dialect, or would reading trim it or take it for a comment, a byte order mark or the end of a COPY? */
function quotingTest(options: CsvOptions): (text: string) => boolean {
  const { quote, escape, comment, trim, ltrim, rtrim } = options;
  const signs = [...list(options.delimiter), ...list(options.recordDelimiter ?? []), '\r', '\n'];
  for (const sign of [quote, escape, comment]) if (typeof sign === 'string') signs.push(sign);
  // Any character of a longer sign: `|` before the delimiter `||` would be read as part of it.
  const anySign = new RegExp(`[${[...signs.join('')].map(sign => sign.replace(/[\\^\]-]/, '\\$&')).join('')}]`, 'u');
  return text =>
    text === '' ||
    anySign.test(text) ||
    text.startsWith('\\.') ||
    text.charCodeAt(0) === BYTE_ORDER_MARK ||
    ((trim || ltrim) && text.trimStart() !== text) ||
    ((trim || rtrim) && text.trimEnd() !== text);
}

/** 1 for each ASCII character that never needs quotes, alone or as part of a longer sign, and for all bytes of others. */
function plainBytes(options: CsvOptions): Uint8Array {
  const { delimiter, recordDelimiter, quote, escape, comment, trim, ltrim, rtrim } = options;
  const plain = new Uint8Array(256).fill(1);
  plain[CR] = plain[LF] = plain[BACKSLASH] = 0;
  for (const sign of [...list(delimiter), ...list(recordDelimiter ?? []), quote, escape, comment]) {
    if (typeof sign === 'string') for (const byte of Buffer.from(sign)) if (byte < 128) plain[byte] = 0;
  }
  if (trim || ltrim || rtrim) for (const blank of [9, 11, 12, 32]) plain[blank] = 0;
  return plain;
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
