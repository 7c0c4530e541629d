import type { FieldForm, FieldOutput, FieldReader } from './field-text.ts';

const OPEN = 123;
const CLOSE = 125;
const COMMA = 44;
const QUOTE = 34;
const BACKSLASH = 92;
const NULL = Buffer.from('null');
/** Before the elements: length, dimensions, whether there are nulls, the type of the elements, how many they are, where they begin. */
const HEAD = 24;

/** What an element takes beside its text is not more than so many bytes for each byte of that. */
export const LIST_GROWTH = 8;

/**
 * `{1,NULL,3}`: arrays of one dimension, their elements bare or in quotes, without blanks between. The text is that of the server, not quoted once more for
 * CSV, with a byte behind it that ends it.
 */
export function listReader(element: FieldForm, elementOid: number): FieldReader {
  const { bare, quoted } = 'prefix' in element ? textElements(element.prefix) : plainElements(element.read);
  return (input, at, out) => {
    if (input[at] !== OPEN) return -1;
    const start = out.at;
    const { view } = out;
    let i = at + 1;
    let count = 0;
    let hasNulls = 0;
    if (input[i] === CLOSE) out.at += HEAD - 8;
    else {
      out.at += HEAD;
      for (; ; i++) {
        count++;
        if (input[i] === QUOTE) i = quoted(input, i + 1, out);
        else if (isNull(input, i)) {
          hasNulls = 1;
          view.setInt32(out.at, -1);
          out.at += 4;
          i += 4;
        } else i = bare(input, i, out);
        if (i < 0) return -1;
        if (input[i] !== COMMA) break;
      }
      if (input[i] !== CLOSE) return -1;
      view.setInt32(start + 16, count);
      view.setInt32(start + 20, 1);
    }
    view.setInt32(start, out.at - start - 4);
    view.setInt32(start + 4, count === 0 ? 0 : 1);
    view.setInt32(start + 8, hasNulls);
    view.setInt32(start + 12, elementOid);
    return i + 1;
  };
}

/** In letters of any size. */
function isNull(input: Uint8Array, at: number): boolean {
  for (let i = 0; i < NULL.length; i++) if (((input[at + i] as number) | 32) !== NULL[i]) return false;
  return input[at + 4] === COMMA || input[at + 4] === CLOSE;
}

interface Elements {
  readonly bare: FieldReader;
  /** From behind the first quote to behind the last. */
  readonly quoted: FieldReader;
}

function plainElements(read: FieldReader): Elements {
  return {
    bare: read,
    quoted: (input, at, out) => {
      const end = read(input, at, out);
      return end >= 0 && input[end] === QUOTE ? end + 1 : -1;
    },
  };
}

function textElements(prefix: Uint8Array): Elements {
  const begin = (out: FieldOutput): number => {
    out.bytes.set(prefix, out.at + 4);
    return out.at + 4 + prefix.length;
  };
  const finish = (out: FieldOutput, to: number): void => {
    out.view.setInt32(out.at, to - out.at - 4);
    out.at = to;
  };
  return {
    bare: (input, at, out) => {
      let to = begin(out);
      let i = at;
      for (let byte = input[i] as number; byte !== COMMA && byte !== CLOSE; byte = input[++i] as number) {
        // Blanks, and what ends the text.
        if (byte <= 32 || byte === QUOTE || byte === BACKSLASH || byte === OPEN) return -1;
        out.bytes[to++] = byte;
      }
      if (i === at) return -1;
      finish(out, to);
      return i;
    },
    quoted: (input, at, out) => {
      let to = begin(out);
      let i = at;
      for (let byte = input[i] as number; byte !== QUOTE; byte = input[++i] as number) {
        if (byte === BACKSLASH) byte = input[++i] as number;
        if (byte === 0) return -1;
        out.bytes[to++] = byte;
      }
      finish(out, to);
      return i + 1;
    },
  };
}
