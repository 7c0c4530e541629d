import { MillraceError } from '../../../errors.ts';
import { delimiterOf, quotedElement } from '../../../schema/array-literal.ts';
import { textPrinter } from '../../../schema/print.ts';
import { type DataType, TEXT, typeName } from '../../../schema/types.ts';
import type { Decode, DecodeText, FieldDecoder, FieldSource } from './field.ts';

/**
 * Nested lists, or literals as PostgreSQL writes them. Refused with VALUE_NOT_CARRIED is what a nested list cannot say: bounds other than 1,
 * several dimensions of JSON.
 * Source: array_send of src/backend/utils/adt/arrayfuncs.c: int32 dimensions, flags, OID of the elements; size and lower bound of each
 * dimension; the elements as fields
 */
export function arrayDecoder(type: DataType, element: FieldDecoder): FieldDecoder {
  const isOfJson = type.element?.kind === 'json' || type.element?.kind === 'jsonb';
  return {
    decode: (source, at) => {
      const { sizes, bounds, elements } = dimensionsOf(source, at);
      if (sizes.length === 0) return [];
      if (isOfJson && sizes.length > 1) throw notCarried(type, 'several dimensions, which a list of JSON cannot keep');
      if (bounds.some(bound => bound !== 1)) throw notCarried(type, 'bounds of its own, which a list cannot keep');
      return new ElementReader(source, elements, element.decode).list(sizes, 0);
    },
    text: literalText(type, element),
  };
}

/** `{1,NULL,"a b"}`, `[0:1]={1,2}`. */
function literalText(type: DataType, element: FieldDecoder): DecodeText {
  const delimiter = delimiterOf(type);
  const print = textPrinter(type.element ?? TEXT);
  const text = element.text ?? ((source, at, length) => print(element.decode(source, at, length)));
  const literal = (list: readonly unknown[]): string =>
    `{${list.map(item => (Array.isArray(item) ? literal(item) : item === null ? 'NULL' : (item as string))).join(delimiter)}}`;
  return (source, at) => {
    const { sizes, bounds, elements } = dimensionsOf(source, at);
    if (sizes.length === 0) return '{}';
    const ranges = bounds.map((bound, i) => `[${bound}:${bound + (sizes[i] as number) - 1}]`);
    const list = new ElementReader(source, elements, (...field) => quotedElement(text(...field), delimiter)).list(sizes, 0);
    return `${bounds.every(bound => bound === 1) ? '' : `${ranges.join('')}=`}${literal(list)}`;
  };
}

interface Dimensions {
  readonly sizes: readonly number[];
  readonly bounds: readonly number[];
  /** Where the elements begin. */
  readonly elements: number;
}

function dimensionsOf({ view }: FieldSource, at: number): Dimensions {
  const count = view.getInt32(at);
  const sizes: number[] = [];
  const bounds: number[] = [];
  for (let i = 0; i < count; i++) {
    sizes.push(view.getInt32(at + 12 + 8 * i));
    bounds.push(view.getInt32(at + 16 + 8 * i));
  }
  return { sizes, bounds, elements: at + 12 + 8 * count };
}

class ElementReader {
  readonly #source: FieldSource;
  readonly #decode: Decode;
  #at: number;

  constructor(source: FieldSource, at: number, decode: Decode) {
    this.#source = source;
    this.#at = at;
    this.#decode = decode;
  }

  list(sizes: readonly number[], dimension: number): unknown[] {
    const size = sizes[dimension] as number;
    const list = new Array<unknown>(size);
    const isInnermost = dimension === sizes.length - 1;
    for (let i = 0; i < size; i++) list[i] = isInnermost ? this.#element() : this.list(sizes, dimension + 1);
    return list;
  }

  #element(): unknown {
    const length = this.#source.view.getInt32(this.#at);
    const at = this.#at + 4;
    this.#at = at + Math.max(length, 0);
    return length < 0 ? null : this.#decode(this.#source, at, length);
  }
}

function notCarried(type: DataType, what: string): MillraceError {
  return new MillraceError('VALUE_NOT_CARRIED', `a value of type ${typeName(type)} has ${what}`);
}
