/**
 * Values in PostgreSQL's binary form. One writer a type, made once; each writes the int32 length and the bytes of one value.
 * Source: https://www.postgresql.org/docs/18/protocol-message-formats.html, and the *_send functions of the server.
 */
import { type DataType, TEXT } from '../../../schema/types.ts';
import type { ByteWriter } from './byte-writer.ts';
import { arrayWriter, elementOid } from './encode-array.ts';
import { float4Writer, float8Writer, int4Writer, int8Writer, intWriter } from './encode-numbers.ts';
import { numericWriter } from './encode-numeric.ts';
import { boolWriter, byteaWriter, enumWriter, jsonbWriter, jsonWriter, textWriter, uuidWriter } from './encode-text.ts';
import { dateWriter, timestampWriter, timestamptzWriter, timetzWriter, timeWriter } from './encode-times.ts';
import { intervalWriter } from './encode-interval.ts';

/** Writes one value that is not null. VALUE_INVALID, naming only the type, for what is not of it; VALUE_NOT_CARRIED for what it cannot keep. */
export type FieldWriter = (out: ByteWriter, value: unknown) => void;

/** Whether values of the type can be written in binary; if not, they go as text. */
export function canEncode(type: DataType): boolean {
  if (type.kind === 'array') return elementOid(type.element ?? TEXT) !== undefined;
  return type.kind !== 'other';
}

/**
 * The writer of a type. Takes what records hold and the near forms that functions make (docs/values.md): a number, a bigint or digits for a
 * number, a Date or ISO text for a time. What the type would round or cut is refused, never changed. TypeError for a type without a binary writer.
 */
export function fieldWriter(type: DataType): FieldWriter {
  switch (type.kind) {
    case 'bool':
      return boolWriter(type);
    case 'int2':
    case 'oid':
      return intWriter(type, type.kind);
    case 'int4':
      return int4Writer(type);
    case 'int8':
      return int8Writer(type);
    case 'float4':
      return float4Writer(type);
    case 'float8':
      return float8Writer(type);
    case 'numeric':
      return numericWriter(type);
    case 'text':
    case 'varchar':
    case 'bpchar':
      return textWriter(type);
    case 'enum':
      return enumWriter(type);
    case 'uuid':
      return uuidWriter(type);
    case 'bytea':
      return byteaWriter(type);
    case 'json':
      return jsonWriter();
    case 'jsonb':
      return jsonbWriter();
    case 'timestamptz':
      return timestamptzWriter(type);
    case 'timestamp':
      return timestampWriter(type);
    case 'date':
      return dateWriter(type);
    case 'time':
      return timeWriter(type);
    case 'timetz':
      return timetzWriter(type);
    case 'interval':
      return intervalWriter(type);
    case 'array':
      return arrayWriter(type, fieldWriter(type.element ?? TEXT));
    case 'other':
      throw new TypeError(`no binary writer for ${type.name ?? 'other'}`);
  }
}
