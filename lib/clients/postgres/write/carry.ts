/** Which type may go into which, so that no value changes without a word: decided for each column before the first row. */
import { MillraceError } from '../../../errors.ts';
import { float4Text } from '../../../schema/numbers.ts';
import { inferType } from '../../../schema/infer.ts';
import { type Printer, textPrinter } from '../../../schema/print.ts';
import type { Field } from '../../../schema/schema.ts';
import { type DataType, TEXT, typeName } from '../../../schema/types.ts';
import { canEncode, fieldWriter, type FieldWriter } from '../values/encode.ts';
import type { TypeChange } from '../../../core/plan.ts';
import { typeChange } from './type-change.ts';
import { type NearestValue, nearestValue } from './nearest-value.ts';
import { textFieldWriter, writeEscaped } from './copy-text.ts';
import { checkedInput, checkedPrint } from './carry-checks.ts';
import { plainInputWriter } from './plain-input.ts';
import type { ColumnEncoding } from './encode-rows.ts';
import type { TargetColumn } from '../catalogue/target-table.ts';
import { portable } from '../catalogue/types.ts';

/** How the values of one column travel. */
export interface CarriedColumn {
  readonly name: string;
  /** Their bytes in the source's COPY data are those of the target. */
  readonly isSameBytes: boolean;
  /** Their text is read by the column's own input rules, nothing else can be said of it. */
  readonly isRawText: boolean;
  /** The type whose binary form the server reads here; undefined where it has none that holds on every server. */
  readonly wire: DataType | undefined;
  /** In binary; undefined where the type has no form that holds on every server. */
  readonly binary: ColumnEncoding | undefined;
  /** In binary, of values that are text in plain forms: OddForm for others. Undefined where the type has no such forms. */
  readonly plain: ColumnEncoding | undefined;
  readonly text: ColumnEncoding;
  /** For `plan`. */
  readonly change: TypeChange;
}

/**
 * same: the very bytes. value: the record's value, written (and checked) as the target's type. printed: its text, into a column of text.
 * input: text, read by the target's input rules.
 */
export type Way = 'same' | 'value' | 'printed' | 'input';

/** Where the column may lose something, and its type can be the cause: what is left of a value. */
export function lossyWay(field: Field, target: TargetColumn): NearestValue | undefined {
  const way = declaredWay(field, target);
  return way === undefined || way === 'value' ? nearestValue(field.type, target.type) : undefined;
}

function declaredWay(field: Field, target: TargetColumn): Way | undefined {
  if (field.untyped === true) return 'input';
  return field.inferred === true ? inferredWay(field.type, target.type) : wayOf(field.type, target.type);
}

/**
 * TYPE_NOT_CARRIED, naming the column, where values would change or could not go in at all. `isReduced`: its values will be those that the target
 * keeps.
 */
export function carry(field: Field, target: TargetColumn, isReduced = false): CarriedColumn {
  const way = isReduced ? 'value' : declaredWay(field, target);
  if (way === undefined) throw notCarried(field, target);
  const hasBinary = target.server.hasBinary && target.server.isPlain;
  const isSameBytes = way === 'same' && hasBinary && portable(field.type);
  return {
    name: field.name,
    isSameBytes,
    isRawText: field.untyped === true || way === 'same',
    wire: hasBinary ? target.type : undefined,
    binary: hasBinary ? binaryEncoding(field, target.type, way) : undefined,
    plain: hasBinary && way === 'input' ? plainEncoding(field, target.type) : undefined,
    text: textEncoding(field, target.type, way),
    change: isReduced ? 'lossy' : typeChange(field.type, target.type, way),
  };
}

/** Of records that nobody described: bytes are text in JSON, and NaN stands among numbers as text. Each value is looked at for itself. */
function inferredWay(source: DataType, target: DataType): Way | undefined {
  if (isText(source) && target.kind === 'bytea') return 'value';
  // A text is a JSON string there, never JSON to be read: what a record says it is stays what it is.
  if (isJson(target) && (isText(source) || isNumber(source) || source.kind === 'bool')) return 'value';
  if (isText(target) && target.length === undefined) return 'printed';
  return isJson(source) && isNumber(target) ? 'value' : wayOf(source, target);
}

/** Whether bytes pass through: for arrays of what is same too. */
function wayOf(source: DataType, target: DataType): Way | undefined {
  if (source.kind === 'array' || target.kind === 'array') return arrayWay(source, target);
  if (isText(target)) return textWay(source, target);
  if (isCutInterval(target) && source.name !== target.name) return undefined;
  if (isText(source)) return target.kind === 'uuid' || target.kind === 'enum' ? 'value' : 'input';
  if (isNumber(source) && isNumber(target)) return numberWay(source, target);
  if (source.kind === 'date' && target.kind === 'timestamp') return 'value';
  if (isJson(source) && isJson(target)) return source.kind === target.kind ? 'same' : 'value';
  if (source.kind !== target.kind) return undefined;
  if (source.kind === 'other') return otherWay(source, target);
  if (source.kind === 'enum') return source.name === target.name ? 'same' : 'value';
  return precisionWay(source, target);
}

const NUMBERS = ['int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric'];

function isNumber({ kind }: DataType): boolean {
  return NUMBERS.includes(kind);
}

function isText({ kind }: DataType): boolean {
  return kind === 'text' || kind === 'varchar' || kind === 'bpchar';
}

function isJson({ kind }: DataType): boolean {
  return kind === 'json' || kind === 'jsonb';
}

/** `interval year to month` and the like: the server cuts off the rest without a word. */
function isCutInterval({ kind, name }: DataType): boolean {
  return kind === 'interval' && name !== undefined;
}

function arrayWay(source: DataType, target: DataType): Way | undefined {
  if (source.kind !== 'array') {
    if (isJson(source)) return 'value';
    return isText(source) ? 'input' : undefined;
  }
  if (target.kind !== 'array') return isText(target) ? 'printed' : undefined;
  const way = wayOf(source.element ?? TEXT, target.element ?? TEXT);
  // The object id of the elements stands in the bytes: those of varchar are not those of text.
  if (way === 'same') return source.element?.kind === target.element?.kind ? 'same' : 'value';
  return way === 'printed' ? undefined : way;
}

function textWay(source: DataType, target: DataType): Way {
  const isTextual = isText(source) || source.kind === 'enum';
  if (!isTextual) return source.kind === 'uuid' ? 'value' : 'printed';
  if (target.length === undefined) return target.kind === 'bpchar' && source.kind !== 'bpchar' ? 'value' : 'same';
  const fits = source.length !== undefined && source.length <= target.length && (target.kind !== 'bpchar' || source.kind === 'bpchar');
  return fits ? 'same' : 'value';
}

function numberWay(source: DataType, target: DataType): Way | undefined {
  if (source.kind !== target.kind) return 'value';
  if (source.kind !== 'numeric' || target.precision === undefined) return 'same';
  if (source.precision === undefined) return 'value';
  return (source.scale ?? 0) <= (target.scale ?? 0) ? 'same' : undefined;
}

/** Digits of a second: those that nobody declared are checked value by value. */
function precisionWay(source: DataType, target: DataType): Way | undefined {
  const [from = 6, to = 6] = [source.precision, target.precision];
  if (from <= to) return 'same';
  return source.precision === undefined ? 'value' : undefined;
}

function otherWay(source: DataType, target: DataType): Way | undefined {
  if (source.name === target.name) return 'same';
  const [from, to] = [source, target].map(type => type.name?.replace(/\(.*\)$/, ''));
  return from === to ? 'input' : undefined;
}

function binaryEncoding(field: Field, target: DataType, way: Way): ColumnEncoding | undefined {
  const { name, type: source } = field;
  if (way === 'input' || !canEncode(target)) return undefined;
  if (way === 'printed')
    return {
      name,
      write: printedWriter(field.inferred === true ? anyPrinter(target) : textPrinter(source)),
      ...ownText(source, (out, text) => out.textField(text)),
    };
  const write = valueWriter(source, target);
  if (!isJson(source) || !isJson(target)) return { name, write };
  return { name, write, writeText: target.kind === 'json' ? (out, text) => out.textField(text) : writeJsonb };
}

function plainEncoding({ name, untyped }: Field, target: DataType): ColumnEncoding | undefined {
  const write = plainInputWriter(target, untyped !== true);
  return write && { name, write };
}

/** Of values that nobody described: text as it is, others as the column's type has them, or as their own does where that is text. */
function anyPrinter(target: DataType): Printer {
  const print = isText(target) ? (value: unknown) => textPrinter(inferType([value]))(value) : textPrinter(target);
  return value => (typeof value === 'string' ? value : print(value));
}

function printedWriter(print: Printer): FieldWriter {
  return (out, value) => out.textField(print(value));
}

const writeJsonb: NonNullable<ColumnEncoding['writeText']> = (out, text) => {
  const start = out.at;
  out.int32(0);
  out.int8(1);
  out.text(text);
  out.view.setInt32(start, out.at - start - 4);
};

/** A float4 is its shortest digits (9.99), not those of the double that carries it (9.989999771118164). */
function valueWriter(source: DataType, target: DataType): FieldWriter {
  const write = fieldWriter(target);
  if (source.kind !== 'float4' || target.kind !== 'numeric') return write;
  return (out, value) => write(out, typeof value === 'number' ? float4Text(value) : value);
}

function textEncoding(field: Field, target: DataType, way: Way): ColumnEncoding {
  const { name, type: source, untyped } = field;
  if (untyped === true) return { name, write: textFieldWriter(textPrinter(TEXT)), writeText: writeEscaped };
  if (way === 'input')
    return { name, write: textFieldWriter(checkedInput(field.inferred === true ? anyPrinter(target) : textPrinter(source), target)) };
  if (isJson(source) && target.kind === 'array' && !canEncode(target)) return { name, write: textFieldWriter(textPrinter(target)) };
  if (way === 'printed' && field.inferred === true) return { name, write: textFieldWriter(anyPrinter(target)) };
  if (way === 'printed' || !canEncode(target))
    return {
      name,
      write: textFieldWriter(textPrinter(source)),
      ...(way === 'same' ? { writeText: writeEscaped } : ownText(source, writeEscaped)),
    };
  const printed = source.kind === 'float4' && target.kind === 'numeric' ? source : target;
  const print = checkedPrint(textPrinter(printed), target, valueWriter(source, target));
  const passesText = way === 'same' || (isJson(source) && isJson(target));
  return { name, write: textFieldWriter(print), ...(passesText ? { writeText: writeEscaped } : {}) };
}

/** JSON keeps its blanks, its digits and its double keys where the source has its text. */
function ownText(source: DataType, writeText: NonNullable<ColumnEncoding['writeText']>): Pick<ColumnEncoding, 'writeText'> {
  return isJson(source) ? { writeText } : {};
}

function notCarried({ name, type }: Field, target: TargetColumn): MillraceError {
  const allow = nearestValue(type, target.type) === undefined ? '' : 'allow the loss (lossy), ';
  return new MillraceError(
    'TYPE_NOT_CARRIED',
    `column ${JSON.stringify(name)}: ${typeName(type)} cannot go into ${typeName(target.type)} without loss; ${allow}coerce it before, or change the column`,
  );
}
