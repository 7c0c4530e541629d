import { printJson } from '../values/json.ts';
import { dimensionTest } from './array-literal.ts';
import { invalid, type Printer, textPrinter } from './print.ts';
import { type DataType, TEXT } from './types.ts';

/**
 * How values of a type are written in JSON (the value table's JSON column): numbers as bare digits, all of them (NaN and infinities as text), bytes
 * as base64, json as it is, arrays as arrays, everything else as its text. Takes what `textPrinter` takes; VALUE_INVALID, naming only the type.
 */
export function jsonPrinter(type: DataType): Printer {
  switch (type.kind) {
    case 'bool':
    case 'int2':
    case 'int4':
    case 'oid':
    case 'int8':
      return textPrinter(type);
    case 'float4':
    case 'float8': {
      const print = textPrinter(type);
      return value => (typeof value === 'number' && Number.isFinite(value) ? print(value) : jsonNumber(print(value)));
    }
    case 'numeric': {
      const print = textPrinter(type);
      return value => jsonNumber(print(value));
    }
    case 'json':
    case 'jsonb':
      return printJson;
    case 'bytea':
      return bytesPrinter(type);
    case 'array':
      return listPrinter(type);
    case 'timestamptz':
    case 'timestamp':
    case 'date':
    case 'time': {
      const print = textPrinter(type);
      // Nothing in such a text needs an escape.
      return value => `"${print(value)}"`;
    }
    default: {
      const print = textPrinter(type);
      return value => JSON.stringify(print(value));
    }
  }
}

const BARE = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The text of a number as JSON: `+01.`, as a user may have written it, is none, `1` is; NaN and infinities in quotes. */
export function jsonNumber(text: string): string {
  if (isPlainDecimal(text) || BARE.test(text)) return text;
  const match = /^([+-]?)0*(\d*)(?:\.(\d*))?((?:[eE][+-]?\d+)?)$/.exec(text);
  if (match === null) return `"${text}"`;
  const [, sign, whole, fraction = '', exponent = ''] = match;
  return `${sign === '-' ? '-' : ''}${whole === '' ? '0' : (whole as string)}${fraction === '' ? '' : `.${fraction}`}${exponent}`;
}

const [ZERO, NINE, POINT, MINUS] = [0x30, 0x39, 0x2e, 0x2d];

/** Most numbers: digits, the first of them not 0, and a point between digits. A regular expression takes ten times as long. */
function isPlainDecimal(text: string): boolean {
  const start = text.charCodeAt(0) === MINUS ? 1 : 0;
  const last = text.length - 1;
  const first = text.charCodeAt(start);
  if (!(first > ZERO && first <= NINE)) return false;
  let points = 0;
  for (let i = start + 1; i <= last; i++) {
    const sign = text.charCodeAt(i);
    if (sign >= ZERO && sign <= NINE) continue;
    if (sign !== POINT || i === last || ++points > 1) return false;
  }
  return true;
}

function bytesPrinter(type: DataType): Printer {
  const print = textPrinter(type);
  return value => {
    const bytes =
      value instanceof Uint8Array
        ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
        : Buffer.from(print(value).slice(2), 'hex');
    return `"${bytes.toString('base64')}"`;
  };
}

function listPrinter(type: DataType): Printer {
  const printElement = jsonPrinter(type.element ?? TEXT);
  const isDimension = dimensionTest(type);
  const print = (list: readonly unknown[]): string =>
    `[${Array.from(list, item => (item === null || item === undefined ? 'null' : isDimension(item) ? print(item) : printElement(item))).join(',')}]`;
  return value => (Array.isArray(value) ? print(value) : invalid(type));
}
