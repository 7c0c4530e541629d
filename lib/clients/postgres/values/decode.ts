import { inColumn, MillraceError } from '../../../errors.ts';
import { textParser } from '../../../schema/parse.ts';
import { type DataType, TEXT } from '../../../schema/types.ts';
import { arrayDecoder } from './decode-array.ts';
import {
  boolDecoder,
  float4Decoder,
  float8Decoder,
  int2Decoder,
  int4Decoder,
  int8Decoder,
  numericDecoder,
  oidDecoder,
} from './decode-numbers.ts';
import { byteaDecoder, decodeText, jsonbDecoder, jsonDecoder, textDecoder, uuidDecoder } from './decode-text.ts';
import { geometryDecoder } from './decode-geometry.ts';
import { bitDecoder, charDecoder, inetDecoder, macDecoder } from './decode-network.ts';
import { rangeDecoder } from './decode-range.ts';
import { dateDecoder, intervalDecoder, timeDecoder, timestampDecoder, timestamptzDecoder, timetzDecoder } from './decode-times.ts';
import type { DecodeOptions, FieldDecoder } from './field.ts';

/** In which form the server sends a column: as its type has it, or cast to text. */
export type Wire = 'binary' | 'text';

export interface WireColumn {
  readonly name: string;
  readonly type: DataType;
  readonly wire: Wire;
}

/** Whether values can be made of a type's binary form. Of all others the server is asked for the text. */
export function canDecode(type: DataType): boolean {
  if (type.kind === 'array') return type.element !== undefined && canDecode(type.element);
  return type.kind !== 'other' || otherDecoder(type) !== undefined;
}

/** How the values of a column are read (the value table of docs/values.md). */
export function fieldDecoder({ name, type, wire }: WireColumn, options: DecodeOptions): FieldDecoder {
  if (wire === 'binary') return naming(name, type, binaryDecoder(type, options, name));
  if (type.kind !== 'array') return textDecoder;
  const parse = textParser(type);
  return naming(name, type, { decode: (source, at, length) => parse(decodeText(source, at, length)), text: decodeText });
}

/** Of types with values that a record cannot have: the column is named in the error. */
function naming(column: string, { kind }: DataType, decoder: FieldDecoder): FieldDecoder {
  if (kind !== 'array' && kind !== 'timestamptz') return decoder;
  const { decode } = decoder;
  return {
    ...decoder,
    decode: (source, at, length) => {
      try {
        return decode(source, at, length);
      } catch (error) {
        throw error instanceof MillraceError ? inColumn(error, column) : error;
      }
    },
  };
}

function binaryDecoder(type: DataType, options: DecodeOptions, column: string): FieldDecoder {
  switch (type.kind) {
    case 'bool':
      return boolDecoder;
    case 'int2':
      return int2Decoder;
    case 'int4':
      return int4Decoder;
    case 'int8':
      return int8Decoder(options, column);
    case 'oid':
      return oidDecoder;
    case 'float4':
      return float4Decoder;
    case 'float8':
      return float8Decoder;
    case 'numeric':
      return numericDecoder(options);
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'enum':
      return textDecoder;
    case 'bytea':
      return byteaDecoder;
    case 'uuid':
      return uuidDecoder;
    case 'json':
      return jsonDecoder;
    case 'jsonb':
      return jsonbDecoder;
    case 'timestamptz':
      return timestamptzDecoder;
    case 'timestamp':
      return timestampDecoder;
    case 'date':
      return dateDecoder;
    case 'time':
      return timeDecoder;
    case 'timetz':
      return timetzDecoder;
    case 'interval':
      return intervalDecoder;
    case 'array':
      return arrayDecoder(type, binaryDecoder(type.element ?? TEXT, options, column));
    case 'other':
      return otherDecoder(type) ?? textDecoder;
  }
}

const OTHERS: Readonly<Record<string, FieldDecoder>> = {
  name: textDecoder,
  xml: textDecoder,
  '"char"': charDecoder,
  inet: inetDecoder,
  cidr: inetDecoder,
  macaddr: macDecoder,
  macaddr8: macDecoder,
  bit: bitDecoder,
  'bit varying': bitDecoder,
};

/** Of built-in types beside those of the value table: what gives the text that PostgreSQL prints. */
function otherDecoder({ name = '' }: DataType): FieldDecoder | undefined {
  const bare = name.replace(/\(.*\)$/, '');
  return (Object.hasOwn(OTHERS, bare) ? OTHERS[bare] : undefined) ?? rangeDecoder(bare) ?? geometryDecoder(bare);
}
