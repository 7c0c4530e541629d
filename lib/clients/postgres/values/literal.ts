/** Literals of a predicate as PostgreSQL writes them, so that it compares them with a column as the predicate does in memory. */
import { instantOf, localOf } from '../../../query/instant.ts';
import { isNumeric, numericOperand, type Operand } from '../../../query/operand.ts';
import type { DataType } from '../../../schema/types.ts';
import { quoteLiteral } from '../../../values/identifiers.ts';
import { parseTime, printLocalDate, printLocalTimestamp, printTime } from '../../../values/local-time.ts';
import { Timestamp } from '../../../values/timestamp.ts';

/** Both sides of a comparison. */
export interface Sides {
  /** The column, cast to what is compared. */
  readonly column: string;
  readonly literal: string;
  /** The type of the literal: those of one type can stand in one list. */
  readonly type: string;
}

export interface LiteralScope {
  /** Whether text is UTF-8 on the server: only there does its byte order go by code point, and only there has every literal a form. */
  readonly isUtf8: boolean;
  /** What numeric is in a record: digits that are compared exactly, or the nearest number. */
  readonly numeric: 'text' | 'number';
  /** The column's own collation compares as is asked here: the statement names none, so that an index of the column can serve. */
  readonly hasOwnCollation?: boolean;
  /** Only which values are the same is asked, not which comes first. */
  readonly asksEquality?: boolean;
}

/** Undefined where the server does not compare exactly as the predicate does in memory. */
export function sidesOf(column: string, type: DataType, operand: Operand, scope: LiteralScope): Sides | undefined {
  switch (type.kind) {
    case 'int2':
    case 'int4':
    case 'int8':
      return integerSides(column, operand);
    case 'oid':
      return integerSides(`${column}::int8`, operand);
    case 'float8':
      return made(column, floatDigits(operand), 'float8');
    case 'numeric':
      return scope.numeric === 'text'
        ? made(column, numericDigits(typeof operand === 'string' ? numericOperand(operand) : operand), 'numeric')
        : undefined;
    case 'bool':
      return typeof operand === 'boolean' ? { column, literal: String(operand), type: 'bool' } : undefined;
    case 'uuid':
      if (typeof operand === 'string' && CANONICAL_UUID.test(operand)) return made(column, operand, 'uuid');
      return textSides(column, type, operand, scope);
    case 'enum':
      return labelSides(column, type, operand, scope) ?? textSides(column, type, operand, scope);
    case 'text':
    case 'varchar':
    case 'bpchar':
      return textSides(column, type, operand, scope);
    case 'timestamptz':
      return made(column, instantText(operand), 'timestamptz');
    case 'timestamp':
    case 'date':
      return localSides(column, type, operand);
    case 'time':
      return made(column, timeText(operand), 'time');
    default:
      return undefined;
  }
}

/** A column whose values are texts and a text, compared by code point. Also what a pattern is matched with. */
export function textSides(column: string, type: DataType, operand: Operand, scope: LiteralScope): Sides | undefined {
  const text = sortedText(column, type, scope);
  if (text === undefined || typeof operand !== 'string' || !isCarried(operand)) return undefined;
  // The blanks that char(n) is filled up with are no part of the text that it is cast to.
  const literal = type.kind === 'bpchar' ? operand.replace(/ +$/, '') : operand;
  // Without the cast the server pads nothing either: it compares without the blanks at the end.
  if (text === column) return { column, literal: `${quoteLiteral(literal)}::bpchar`, type: 'bpchar' };
  if (scope.isUtf8) return { column: text, literal: quoteLiteral(literal), type: 'text' };
  return { column: text, literal: `'\\x${Buffer.from(literal).toString('hex')}'::bytea`, type: 'bytea' };
}

/** The text of a column as the server compares it by code point; undefined where it can't. */
export function sortedText(column: string, type: DataType, { isUtf8, hasOwnCollation = false }: LiteralScope): string | undefined {
  const text = textOf(column, type);
  if (text === undefined) return undefined;
  if (!isUtf8) return `pg_catalog.convert_to(${text}, 'UTF8')`;
  if (!hasOwnCollation || type.kind === 'enum' || type.kind === 'uuid') return `${text} COLLATE "C"`;
  return type.kind === 'bpchar' ? column : text;
}

/** A label as a value of its enum, which an index has. By a text that is none the server would refuse the statement; its order is another one. */
function labelSides(
  column: string,
  { domain, labels, name }: DataType,
  operand: Operand,
  { asksEquality }: LiteralScope,
): Sides | undefined {
  if (asksEquality !== true || domain !== undefined || name === undefined || typeof operand !== 'string') return undefined;
  return labels?.includes(operand) === true ? made(column, operand, name) : undefined;
}

/** A cast of an enum may be anything that its owner made: its label is what the type's own function gives. */
function textOf(column: string, { kind, domain }: DataType): string | undefined {
  if (kind !== 'enum') return `${column}::text`;
  return domain === undefined ? `pg_catalog.enum_out(${column})::text` : undefined;
}

const CANONICAL_UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
/** Years that both sides write alike. */
const FOUR_DIGIT_YEAR = /^(?!0000)\d{4}-(?!.* BC$)|^-?infinity$/;
const DIGITS = /^[+-]?[\d.]+(?:e[+-]?\d{1,3})?$/i;
const MOST_DIGITS = 1000;
const LEAST_INT8 = -(2n ** 63n);

/** A text that the server takes as it is: no NUL, no half of a character. */
function isCarried(text: string): boolean {
  return !/\0|\p{Surrogate}/u.test(text);
}

function made(column: string, text: string | undefined, type: string): Sides | undefined {
  return text === undefined ? undefined : { column, literal: `${quoteLiteral(text)}::${type}`, type };
}

function integerSides(column: string, operand: Operand): Sides | undefined {
  const digits = typeof operand === 'string' ? undefined : numericDigits(operand);
  if (digits === undefined || digits === 'NaN') return undefined;
  const isInt8 = /^-?\d{1,19}$/.test(digits) && BigInt.asIntN(64, BigInt(digits)) === BigInt(digits) && BigInt(digits) !== LEAST_INT8;
  return made(column, digits, isInt8 ? 'int8' : 'numeric');
}

/** The decimal that a number stands for in a comparison: a double the one that it prints as, a whole one its exact value. */
function numericDigits(operand: Operand | undefined): string | undefined {
  if (typeof operand === 'number') return Number.isInteger(operand) ? String(BigInt(operand)) : String(operand);
  if (typeof operand !== 'object' || !isNumeric(operand)) return undefined;
  const { numeric } = operand;
  return numeric === 'NaN' || (DIGITS.test(numeric) && numeric.length <= MOST_DIGITS) ? numeric : undefined;
}

function floatDigits(operand: Operand): string | undefined {
  if (typeof operand === 'number') return String(operand);
  return typeof operand === 'object' && isNumeric(operand) && /^(?:NaN|-?Infinity)$/.test(operand.numeric) ? operand.numeric : undefined;
}

/** Of a text or a Date. */
function isoOf(operand: Operand): string | undefined {
  if (typeof operand === 'string') return operand;
  return typeof operand === 'object' && !isNumeric(operand) ? operand.timestamp : undefined;
}

function instantText(operand: Operand): string | undefined {
  const iso = isoOf(operand);
  const instant = typeof operand === 'string' ? instantOf(operand) : iso === undefined ? undefined : Timestamp.fromText(iso);
  return instant === undefined ? undefined : ofFourDigits(instant.toISOString());
}

/** A date is its midnight: it meets a date as one, so that an index serves, and anything else by the operator of the two types. */
function localSides(column: string, { kind }: DataType, operand: Operand): Sides | undefined {
  const iso = isoOf(operand);
  const local = iso === undefined ? undefined : localOf(iso);
  if (local === undefined) return undefined;
  if (kind === 'date' && local.micros === 0) return made(column, ofFourDigits(printLocalDate(local.days)), 'date');
  return made(column, ofFourDigits(printLocalTimestamp(local)), 'timestamp');
}

function timeText(operand: Operand): string | undefined {
  const micros = typeof operand === 'string' ? parseTime(operand) : undefined;
  return micros === undefined ? undefined : printTime(micros);
}

function ofFourDigits(text: string): string | undefined {
  return FOUR_DIGIT_YEAR.test(text) ? text : undefined;
}
