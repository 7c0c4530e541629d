/**
 * Ranges and multiranges of built-in types, as the text that PostgreSQL prints.
 * Source: range_send, range_deparse of src/backend/utils/adt/rangetypes.c; multirange_send, multirange_out of multirangetypes.c
 */
import { numericText } from './decode-numbers.ts';
import { dateOnlyText, timestampText, timestamptzText } from './decode-times.ts';
import type { DecodeText, FieldDecoder } from './field.ts';

const EMPTY = 0x01;
const INCLUDES_LOWER = 0x02;
const INCLUDES_UPPER = 0x04;
const NO_LOWER = 0x08;
const NO_UPPER = 0x10;

/** Texts of bounds. Times have a blank where those of records have a `T`, and as few digits as can be. */
const BOUNDS: Readonly<Record<string, DecodeText>> = {
  int4: ({ view }, at) => String(view.getInt32(at)),
  int8: ({ view }, at) => String(view.getBigInt64(at)),
  num: numericText,
  ts: (source, at, length) => printed(timestampText(source, at, length)),
  tstz: (source, at, length) => printed(timestamptzText(source, at, length)),
  date: dateOnlyText,
};

function printed(iso: string): string {
  return iso
    .replace('T', ' ')
    .replace('Z', '+00')
    .replace(/(\.\d*[1-9])0+/, '$1');
}

/** The decoder of a range or multirange type by its name; undefined for those that users made. */
export function rangeDecoder(name: string): FieldDecoder | undefined {
  const match = /^(int4|int8|num|ts|tstz|date)(range|multirange)$/.exec(name);
  const bound = BOUNDS[match?.[1] ?? ''];
  if (bound === undefined) return undefined;
  const text = match?.[2] === 'range' ? rangeText(bound) : multirangeText(rangeText(bound));
  return { decode: text, text };
}

/** Flags, then the bounds that there are as fields. */
function rangeText(bound: DecodeText): DecodeText {
  return (source, at) => {
    const { bytes, view } = source;
    const flags = bytes[at] as number;
    if ((flags & EMPTY) !== 0) return 'empty';
    let next = at + 1;
    const read = (): string => {
      const length = view.getInt32(next);
      const text = bound(source, next + 4, length);
      next += 4 + length;
      return text.includes(' ') ? `"${text}"` : text;
    };
    const lower = (flags & NO_LOWER) !== 0 ? '' : read();
    const upper = (flags & NO_UPPER) !== 0 ? '' : read();
    return `${(flags & INCLUDES_LOWER) !== 0 ? '[' : '('}${lower},${upper}${(flags & INCLUDES_UPPER) !== 0 ? ']' : ')'}`;
  };
}

/** A count, then the ranges as fields. */
function multirangeText(range: DecodeText): DecodeText {
  return (source, at) => {
    const ranges: string[] = [];
    let next = at + 4;
    for (let i = source.view.getInt32(at); i > 0; i--) {
      const length = source.view.getInt32(next);
      ranges.push(range(source, next + 4, length));
      next += 4 + length;
    }
    return `{${ranges.join(',')}}`;
  };
}
