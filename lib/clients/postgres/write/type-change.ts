import type { TypeChange } from '../../../core/plan.ts';
import { type DataType, sameType, TEXT } from '../../../schema/types.ts';
import type { Way } from './carry.ts';

/** What a way means for the values of a column, for `plan`. */
export function typeChange(source: DataType, target: DataType, way: Way): TypeChange {
  switch (way) {
    case 'same':
      return sameType(source, target) ? 'none' : 'widened';
    case 'value':
      return widens(source, target) ? 'widened' : 'checked';
    case 'printed':
      return 'text';
    case 'input':
      return isUnboundedText(target) ? 'none' : 'checked';
  }
}

/** Integers and floats, each with those that have all of its values. */
const WIDER: Readonly<Partial<Record<DataType['kind'], readonly DataType['kind'][]>>> = {
  int2: ['int4', 'int8', 'float4', 'float8'],
  int4: ['int8', 'float8'],
  oid: ['int8', 'float8'],
  float4: ['float8'],
};

function widens(source: DataType, target: DataType): boolean {
  if (source.kind === 'array' && target.kind === 'array') return widens(source.element ?? TEXT, target.element ?? TEXT);
  if (isUnboundedText(target)) return ['varchar', 'uuid', 'enum'].includes(source.kind);
  if (target.kind === 'numeric' && target.precision === undefined) return ['int2', 'int4', 'int8', 'oid', 'numeric'].includes(source.kind);
  return WIDER[source.kind]?.includes(target.kind) === true;
}

function isUnboundedText({ kind, length }: DataType): boolean {
  return kind === 'text' || (kind === 'varchar' && length === undefined);
}
