import { MillraceError } from '../../../errors.ts';
import { dimensionTest } from '../../../schema/array-literal.ts';
import { invalid } from '../../../schema/print.ts';
import { type DataType, TEXT, type TypeKind, typeName } from '../../../schema/types.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { FieldWriter } from './encode.ts';

/** Object ids of the built-in types: the same in every server. Source: src/include/catalog/pg_type.dat */
const BUILT_IN: Partial<Record<TypeKind, number>> = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  json: 114,
  float4: 700,
  float8: 701,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  timetz: 1266,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
};
const MAX_DIMENSIONS = 6;

/** The element's object id, which stands in the bytes of every array; undefined where it differs from server to server (enums). */
export function elementOid(element: DataType): number | undefined {
  return BUILT_IN[element.kind];
}

/** Nested lists of one shape. VALUE_INVALID for ragged ones, VALUE_NOT_CARRIED for empty dimensions, which PostgreSQL folds into `{}`. */
export function arrayWriter(type: DataType, writeElement: FieldWriter): FieldWriter {
  const oid = elementOid(type.element ?? TEXT) ?? 0;
  const isDimension = dimensionTest(type);
  return (out, value) => {
    if (!Array.isArray(value)) invalid(type);
    const lengths = dimensionsOf(value, isDimension, type);
    const start = out.at;
    out.reserve(16 + lengths.length * 8);
    out.int32(0);
    out.int32(lengths.length);
    out.int32(0);
    out.int32(oid);
    for (const length of lengths) {
      out.int32(length);
      out.int32(1);
    }
    const hasNulls = lengths.length > 0 && writeDimension(out, value, 0, { lengths, isDimension, writeElement, type });
    if (hasNulls) out.view.setInt32(start + 8, 1);
    out.view.setInt32(start, out.at - start - 4);
  };
}

type DimensionTest = (item: unknown) => item is unknown[];

function dimensionsOf(list: readonly unknown[], isDimension: DimensionTest, type: DataType): number[] {
  const lengths: number[] = [];
  for (let inner: unknown = list; inner === list || isDimension(inner); inner = (inner as unknown[])[0]) {
    const { length } = inner as unknown[];
    if (length === 0 && inner === list) return [];
    if (length === 0)
      throw new MillraceError(
        'VALUE_NOT_CARRIED',
        `a value of type ${typeName(type)} has an empty dimension, which PostgreSQL does not keep`,
      );
    lengths.push(length);
    if (lengths.length > MAX_DIMENSIONS) invalid(type);
  }
  return lengths;
}

interface Shape {
  readonly lengths: readonly number[];
  readonly isDimension: DimensionTest;
  readonly writeElement: FieldWriter;
  readonly type: DataType;
}

/** True when a null was among the elements. */
function writeDimension(out: ByteWriter, list: readonly unknown[], depth: number, shape: Shape): boolean {
  const { lengths, isDimension, writeElement, type } = shape;
  const isInnermost = depth === lengths.length - 1;
  if (list.length !== lengths[depth]) invalid(type);
  let hasNulls = false;
  for (let i = 0; i < list.length; i++) {
    const item = list[i];
    if (isDimension(item) === isInnermost) invalid(type);
    if (!isInnermost) hasNulls = writeDimension(out, item as unknown[], depth + 1, shape) || hasNulls;
    else if (item === null || item === undefined) {
      hasNulls = true;
      out.int32(-1);
    } else writeElement(out, item);
  }
  return hasNulls;
}
