import { MillraceError } from '../../errors.ts';
import { type DataType, typeName } from '../../schema/types.ts';
import type { Decode, FieldDecoder, FieldSource } from './field.ts';

/**
 * Nested lists. Refused with VALUE_NOT_CARRIED is what a nested list cannot say: bounds other than 1, several dimensions of JSON.
 * Source: array_send of src/backend/utils/adt/arrayfuncs.c: int32 dimensions, flags, OID of the elements; size and lower bound of each
 * dimension; the elements as fields
 */
export function arrayDecoder(type: DataType, element: FieldDecoder): FieldDecoder {
  const isOfJson = type.element?.kind === 'json' || type.element?.kind === 'jsonb';
  return {
    decode: (source, at) => {
      const { view } = source;
      const dimensions = view.getInt32(at);
      if (dimensions === 0) return [];
      if (isOfJson && dimensions > 1) throw notCarried(type, 'several dimensions, which a list of JSON cannot keep');
      const sizes: number[] = [];
      for (let i = 0; i < dimensions; i++) {
        sizes.push(view.getInt32(at + 12 + 8 * i));
        if (view.getInt32(at + 16 + 8 * i) !== 1) throw notCarried(type, 'bounds of its own, which a list cannot keep');
      }
      return new ElementReader(source, at + 12 + 8 * dimensions, element.decode).list(sizes, 0);
    },
  };
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
