import { MillraceError } from '../../errors.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { type CsvOptions, list } from './options.ts';

const LONGEST_SHORT = 48;
const CR = 13;
const LF = 10;
const BACKSLASH = 92;
const BYTE_ORDER_MARK = 0xfeff;

/** Writes values as fields of a dialect, in quotes only where they are needed. */
export interface FieldWriter {
  /** Null is `nullText`; VALUE_NOT_CARRIED for text that has no form in this dialect or no UTF-8. */
  write(out: ByteWriter, text: string | null): void;
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
  return {
    write(out, text) {
      if (text === null) {
        if (options.nullText !== '') out.text(options.nullText);
      } else if (text.length > LONGEST_SHORT || text.length === 0 || !writeShort(out, text, plain)) writeAny(out, text);
      else if (options.nullText.length === text.length && isNull(text)) {
        out.length -= text.length;
        writeQuoted(out, text, options);
      }
    },
    delimiter: out => out.copy(delimiter, 0, delimiter.length),
    recordEnd: out => out.copy(recordEnd, 0, recordEnd.length),
  };

  function writeAny(out: ByteWriter, text: string): void {
    if (!isWellFormed(text)) throw new MillraceError('VALUE_NOT_CARRIED', 'text with a lone surrogate has no UTF-8 form');
    if (isNull(text) || needsQuotes(text)) writeQuoted(out, text, options);
    else out.text(text);
  }
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

/** 1 for each ASCII character that never needs quotes, alone or as part of a longer sign. */
function plainBytes(options: CsvOptions): Uint8Array {
  const { delimiter, recordDelimiter, quote, escape, comment, trim, ltrim, rtrim } = options;
  const plain = new Uint8Array(128).fill(1);
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
