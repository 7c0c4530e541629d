import { MillraceError } from '../errors.ts';
import { JsonNumber, printJson } from '../values/json.ts';
import { parseDate, parseLocalTimestamp, parseTime, printLocalDate, printLocalTimestamp, printTime } from '../values/local-time.ts';
import { Timestamp } from '../values/timestamp.ts';
import { arrayLiteralPrinter } from './array-literal.ts';
import { DECIMAL, float4Text, floatText, INTEGER_BOUNDS, MAX_INT8, MIN_INT8, NOT_FINITE, WHOLE } from './numbers.ts';
import { type DataType, TEXT, typeName } from './types.ts';

/** The text of a value that is not null. VALUE_INVALID, naming only the type, for what cannot be of the type. */
export type Printer = (value: unknown) => string;

const MS_A_DAY = 86_400_000;

/**
 * How values of a type are written in text (the value table's CSV column), as PostgreSQL reads them too: shortest digits, `\x` hex, ISO 8601,
 * array literals. Takes what records hold and the near forms that functions make: a number, a bigint or digits for a number, a Date or ISO text
 * for a time (a Date without its zone is read in UTC).
 */
export function textPrinter(type: DataType): Printer {
  switch (type.kind) {
    case 'bool':
      return boolPrinter(type);
    case 'int2':
    case 'int4':
    case 'oid':
      return integerPrinter(type, INTEGER_BOUNDS[type.kind]);
    case 'int8':
      return bigintPrinter(type);
    case 'float4':
      return floatPrinter(type, float4Text);
    case 'float8':
      return floatPrinter(type, floatText);
    case 'numeric':
      return numericPrinter(type);
    case 'bytea':
      return bytesPrinter(type);
    case 'json':
    case 'jsonb':
      return printJson;
    case 'timestamptz':
      return instantPrinter(type);
    case 'timestamp':
    case 'date':
    case 'time':
      return localPrinter(type, LOCAL_FORMS[type.kind]);
    case 'array':
      return arrayLiteralPrinter(type, textPrinter(type.element ?? TEXT));
    default:
      return value => (typeof value === 'string' ? value : invalid(type));
  }
}

/** For the end of a switch of forms: VALUE_INVALID, naming only the type. */
export function invalid(type: DataType): never {
  throw new MillraceError('VALUE_INVALID', `a value cannot be of type ${typeName(type)}`);
}

function boolPrinter(type: DataType): Printer {
  return value => {
    if (value === true || value === 'true') return 'true';
    return value === false || value === 'false' ? 'false' : invalid(type);
  };
}

function integerPrinter(type: DataType, { least, most }: { least: number; most: number }): Printer {
  return value => {
    const number = typeof value === 'number' ? value : wholeNumber(value, type);
    return Number.isInteger(number) && number >= least && number <= most ? String(number) : invalid(type);
  };
}

function wholeNumber(value: unknown, type: DataType): number {
  return typeof value === 'bigint' || (typeof value === 'string' && WHOLE.test(value)) ? Number(value) : invalid(type);
}

function bigintPrinter(type: DataType): Printer {
  return value => {
    if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : invalid(type);
    const text = typeof value === 'string' || value instanceof JsonNumber ? String(value) : undefined;
    const whole =
      typeof value === 'bigint' ? value : text !== undefined && WHOLE.test(text) ? BigInt(text.replace(/^\+/, '')) : invalid(type);
    return whole >= MIN_INT8 && whole <= MAX_INT8 ? String(whole) : invalid(type);
  };
}

function floatPrinter(type: DataType, print: (value: number) => string): Printer {
  return value => {
    if (typeof value === 'number') return print(value);
    if (typeof value === 'bigint' && BigInt(Number(value)) === value) return String(value);
    const text = typeof value === 'string' || value instanceof JsonNumber ? String(value) : '';
    return DECIMAL.test(text) || NOT_FINITE.test(text) ? print(Number(text)) : invalid(type);
  };
}

function numericPrinter(type: DataType): Printer {
  return value => {
    if (typeof value === 'string') return DECIMAL.test(value) || NOT_FINITE.test(value) ? value : invalid(type);
    return typeof value === 'number' || typeof value === 'bigint' || value instanceof JsonNumber ? String(value) : invalid(type);
  };
}

function bytesPrinter(type: DataType): Printer {
  return value => {
    if (value instanceof Uint8Array) return `\\x${bufferOf(value).toString('hex')}`;
    const bytes = typeof value === 'string' ? bytesOfText(value) : undefined;
    return bytes === undefined ? invalid(type) : `\\x${bytes.toString('hex')}`;
  };
}

const HEX = /^\\x(?:[0-9a-f]{2})*$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The bytes of their text in CSV (`\x` and hexadecimal digits) or in JSON (base64); undefined for what is neither. */
export function bytesOfText(text: string): Buffer | undefined {
  if (HEX.test(text)) return Buffer.from(text.slice(2), 'hex');
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function instantPrinter(type: DataType): Printer {
  return value => {
    const instant = value instanceof Date ? Timestamp.from(value) : typeof value === 'string' ? Timestamp.fromText(value) : undefined;
    return instant === undefined || (Number.isNaN(instant.getTime()) && !instant.isInfinite) ? invalid(type) : instant.toISOString();
  };
}

/** How a time without a zone is read, from text and from a Date, and written. */
interface LocalForm {
  ofText(text: string): string | undefined;
  ofDate(days: number, micros: number): string | undefined;
}

const LOCAL_FORMS: Readonly<Record<'timestamp' | 'date' | 'time', LocalForm>> = {
  timestamp: {
    ofText: text => {
      const parsed = parseLocalTimestamp(text);
      return parsed === undefined ? undefined : printLocalTimestamp(parsed);
    },
    ofDate: (days, micros) => printLocalTimestamp({ days, micros }),
  },
  date: {
    ofText: text => {
      const days = parseDate(text);
      return days === undefined ? undefined : printLocalDate(days);
    },
    // Only midnight is a date: of any other time something would be lost.
    ofDate: (days, micros) => (micros === 0 ? printLocalDate(days) : undefined),
  },
  time: {
    ofText: text => {
      const micros = parseTime(text);
      return micros === undefined ? undefined : printTime(micros);
    },
    ofDate: () => undefined,
  },
};

function localPrinter(type: DataType, form: LocalForm): Printer {
  return value => {
    if (typeof value === 'string') return form.ofText(value) ?? invalid(type);
    if (!(value instanceof Date)) return invalid(type);
    const instant = Timestamp.from(value);
    if (instant.isInfinite) return form.ofDate(instant.valueOf(), 0) ?? invalid(type);
    const days = Math.floor(instant.getTime() / MS_A_DAY);
    if (Number.isNaN(days)) return invalid(type);
    return form.ofDate(days, (instant.getTime() - days * MS_A_DAY) * 1000 + instant.micros) ?? invalid(type);
  };
}
