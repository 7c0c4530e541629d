import { JsonNumber } from '../values/json.ts';
import { parseDate, parseLocalTimestamp, parseTime } from '../values/local-time.ts';
import { Timestamp } from '../values/timestamp.ts';
import { dimensionTest } from './array-literal.ts';
import { DECIMAL, INTEGER_BOUNDS, MAX_INT8, MIN_INT8, NOT_FINITE } from './numbers.ts';
import { type DataType, TEXT } from './types.ts';

type Accepts = (value: unknown) => boolean;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a value that is not null may stand in a column of this type, as records have it. Every value it takes, `textPrinter` prints. */
export function accepts(type: DataType): Accepts {
  switch (type.kind) {
    case 'bool':
      return value => typeof value === 'boolean';
    case 'int2':
    case 'int4':
    case 'oid': {
      const { least, most } = INTEGER_BOUNDS[type.kind];
      return value =>
        (typeof value === 'number' ? Number.isInteger(value) : typeof value === 'bigint') &&
        (value as number) >= least &&
        (value as number) <= most;
    }
    case 'int8':
      return value =>
        typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'bigint' && value >= MIN_INT8 && value <= MAX_INT8;
    case 'float4':
    case 'float8':
      return value => typeof value === 'number';
    case 'numeric':
      return isNumeric;
    case 'timestamptz':
      return value => (value instanceof Date ? isInstant(value) : typeof value === 'string' && Timestamp.fromText(value) !== undefined);
    case 'timestamp':
      return value => typeof value === 'string' && parseLocalTimestamp(value) !== undefined;
    case 'date':
      return value => typeof value === 'string' && parseDate(value) !== undefined;
    case 'time':
      return value => typeof value === 'string' && parseTime(value) !== undefined;
    case 'uuid':
      return value => typeof value === 'string' && UUID.test(value);
    case 'enum':
      return value => typeof value === 'string' && (type.labels === undefined || type.labels.includes(value));
    case 'bytea':
      return value => value instanceof Uint8Array;
    case 'json':
    case 'jsonb':
      return () => true;
    case 'array':
      return isListOf(type);
    case 'varchar':
    case 'bpchar':
      return type.length === undefined ? isText : isTextOfAtMost(type.length);
    default:
      return isText;
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

/** Characters, as SQL counts them: not UTF-16 units. */
function isTextOfAtMost(length: number): Accepts {
  return value => typeof value === 'string' && (value.length <= length || [...value].length <= length);
}

function isNumeric(value: unknown): boolean {
  if (typeof value === 'string') return DECIMAL.test(value) || NOT_FINITE.test(value);
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof JsonNumber;
}

function isInstant(date: Date): boolean {
  return !Number.isNaN(date.getTime()) || (date instanceof Timestamp && date.isInfinite);
}

function isListOf(type: DataType): Accepts {
  const fits = accepts(type.element ?? TEXT);
  const isDimension = dimensionTest(type);
  const isList = (list: readonly unknown[]): boolean =>
    list.every(item => item === null || (isDimension(item) ? isList(item) : fits(item)));
  return value => Array.isArray(value) && isList(value);
}
