import type { Column, TextBytes } from '../../core/batch/column.ts';
import type { AnyBatch, RejectedRow } from '../../core/define.ts';
import { inColumn, MillraceError } from '../../errors.ts';
import { jsonNumber, jsonPrinter } from '../../schema/print-json.ts';
import type { Field } from '../../schema/schema.ts';
import type { TypeKind } from '../../schema/types.ts';
import { JsonNull, printJson } from '../../values/json.ts';
import type { ByteWriter } from '../byte-writer.ts';
import type { CheckText } from '../format.ts';
import { printOf } from '../print-column.ts';
import { hasJsonNull, refuseJsonNull } from './json-null.ts';

/** Writes one row's value, or the whole row. */
type WriteRow = (out: ByteWriter, row: number) => void;

/** What stands around each record, and what its text must be. */
export interface RecordFrame {
  readonly begin?: (out: ByteWriter) => void;
  readonly end?: (out: ByteWriter) => void;
  readonly check: CheckText | undefined;
}

/**
 * The records of a batch as JSON objects, each on one line, values as the value table has them in JSON: keys in the order of the schema, null for
 * NULL; with the schema unknown the objects as they are. A value that has no JSON is a reject:
 * VALUE_INVALID, or VALUE_NOT_CARRIED for the JSON value null in a column that has SQL's NULL beside it; of its record nothing is written.
 */
export function writeRecords(out: ByteWriter, batch: AnyBatch, { begin, end, check }: RecordFrame): RejectedRow[] {
  const write = batch.schemaKnown ? columnsWriter(batch, check) : objectWriter(batch, check);
  const rejected: RejectedRow[] = [];
  for (let row = 0; row < batch.length; row++) {
    const start = out.length;
    try {
      begin?.(out);
      write(out, row);
      end?.(out);
    } catch (thrown) {
      // Only errors of values are a record's own; a fault of the program stops the run.
      if (!(thrown instanceof MillraceError)) throw thrown;
      out.length = start;
      rejected.push({ index: row, code: thrown.code, reason: thrown.message });
    }
  }
  return rejected;
}

function columnsWriter(batch: AnyBatch, check: CheckText | undefined): WriteRow {
  const { fields } = batch.schema;
  const writes = fields.map(field => checkedRow(valueWriter(batch.column(field.name), field.type), check));
  const keys = fields.map(({ name }, i) => Buffer.from(`${i === 0 ? '{' : ','}${JSON.stringify(name)}:`));
  const width = fields.length;
  return (out, row) => {
    if (width === 0) out.byte(BRACE_OPEN);
    for (let i = 0; i < width; i++) {
      try {
        const key = keys[i] as Buffer;
        out.copy(key, 0, key.length);
        (writes[i] as WriteRow)(out, row);
      } catch (thrown) {
        throw ofColumn(thrown, (fields[i] as Field).name);
      }
    }
    out.byte(BRACE_CLOSE);
  };
}

function checkedRow(write: WriteRow, check: CheckText | undefined): WriteRow {
  if (check === undefined) return write;
  return (out, row) => {
    const start = out.length;
    write(out, row);
    check(out.bytes, start, out.length);
  };
}

const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_PRINTABLE = 0x20;
const NULL = Buffer.from('null');

function valueWriter(column: Column, type: Field['type']): WriteRow {
  const { utf8 } = column;
  if (type.kind === 'json' || type.kind === 'jsonb') return utf8 === undefined ? jsonWriter(column, type) : jsonBytesWriter(utf8, column);
  if (utf8 !== undefined && STRINGS.has(type.kind)) return textBytesWriter(utf8, column);
  if (holdsJson(type)) return jsonListWriter(column, type);
  const print = valuePrinter(column, type);
  const printBare = printOf(column);
  if (printBare === undefined) return (out, row) => out.text(print(row));
  return QUOTED.has(type.kind) ? quotedWriter(printBare, print) : (out, row) => void (printBare(out, row) || out.text(print(row)));
}

function holdsJson({ element }: Field['type']): boolean {
  return element !== undefined && (element.kind === 'json' || element.kind === 'jsonb' || holdsJson(element));
}

function jsonListWriter(column: Column, type: Field['type']): WriteRow {
  const print = jsonPrinter(type);
  return (out, row) => {
    const list = column.get(row);
    if (hasJsonNull(list)) refuseJsonNull();
    out.text(list === null || list === undefined ? 'null' : print(list));
  };
}

/** Kinds whose JSON is a string, of what a column prints. */
const QUOTED: ReadonlySet<TypeKind> = new Set<TypeKind>(['date', 'timestamp', 'timestamptz', 'uuid']);

function quotedWriter(printBare: NonNullable<Column['print']>, print: (row: number) => string): WriteRow {
  return (out, row) => {
    const start = out.length;
    out.byte(QUOTE);
    if (printBare(out, row)) out.byte(QUOTE);
    else {
      out.length = start;
      out.text(print(row));
    }
  };
}

/** Kinds whose JSON is a string of their text. */
const STRINGS: ReadonlySet<TypeKind> = new Set<TypeKind>(['text', 'varchar', 'bpchar', 'uuid', 'enum', 'timetz', 'interval', 'other']);

function valuePrinter(column: Column, type: Field['type']): (row: number) => string {
  const known = column.text === undefined ? undefined : ofText(type);
  if (known !== undefined) {
    return row => {
      const text = (column.text as NonNullable<Column['text']>)(row);
      return text === null ? 'null' : known(text);
    };
  }
  const print = jsonPrinter(type);
  return row => {
    const value = column.get(row);
    return value === null || value === undefined ? 'null' : print(value);
  };
}

/** JSON of a value whose text the source has; undefined for types where the way by the value is as short. */
function ofText(type: Field['type']): ((text: string) => string) | undefined {
  switch (type.kind) {
    case 'numeric':
      return jsonNumber;
    case 'timestamptz':
    case 'timestamp':
    case 'date':
    case 'time':
      return text => `"${text}"`;
    default:
      return undefined;
  }
}

/** Text that needs no escapes is copied. */
function textBytesWriter({ bytes, start, end }: TextBytes, column: Column): WriteRow {
  return (out, row) => {
    const from = start(row);
    if (from < 0) return out.copy(NULL, 0, NULL.length);
    const to = end(row);
    out.reserve(to - from + 2);
    const target = out.bytes;
    let next = out.length;
    target[next++] = QUOTE;
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      if (byte < FIRST_PRINTABLE || byte === QUOTE || byte === BACKSLASH) return out.text(JSON.stringify(column.text?.(row)));
      target[next++] = byte;
    }
    target[next++] = QUOTE;
    out.length = next;
  };
}

/** JSON on one line, and no null, is copied. */
function jsonBytesWriter({ bytes, start, end }: TextBytes, column: Column): WriteRow {
  return (out, row) => {
    const from = start(row);
    if (from < 0) return out.copy(NULL, 0, NULL.length);
    const to = end(row);
    const first = bytes[from] as number;
    // Of all values only null begins with an n; blanks before it are rare.
    if (first === NULL[0] || first === FIRST_PRINTABLE) return out.text(onOneLine(column.text?.(row) ?? 'null'));
    out.reserve(to - from);
    const target = out.bytes;
    let next = out.length;
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      if (byte < FIRST_PRINTABLE) return out.text(onOneLine(column.text?.(row) ?? 'null'));
      target[next++] = byte;
    }
    out.length = next;
  };
}

function jsonWriter(column: Column, type: Field['type']): WriteRow {
  const { text } = column;
  if (text !== undefined) {
    return (out, row) => {
      const json = text.call(column, row);
      out.text(json === null ? 'null' : onOneLine(json));
    };
  }
  const print = jsonPrinter(type);
  return (out, row) => {
    const value = column.get(row);
    out.text(value === null || value === undefined ? 'null' : value === JsonNull ? refuseJsonNull() : print(value));
  };
}

/** Line ends in valid JSON are blanks, and blanks alone do not make it another null. */
function onOneLine(json: string): string {
  const line = /[\r\n]/.test(json) ? json.replaceAll(/[\r\n]+/g, ' ') : json;
  return line.trim() === 'null' ? refuseJsonNull() : line;
}

function objectWriter(batch: AnyBatch, check: CheckText | undefined): WriteRow {
  const rows = batch.rows as readonly Record<string, unknown>[];
  return (out, row) => {
    const record = rows[row] as Record<string, unknown>;
    for (const name in record) {
      if (!hasJsonNull(record[name])) continue;
      try {
        refuseJsonNull();
      } catch (thrown) {
        throw ofColumn(thrown, name);
      }
    }
    const start = out.length;
    out.text(printJson(record));
    try {
      check?.(out.bytes, start, out.length);
    } catch (thrown) {
      throw ofColumn(thrown, fieldAtFault(record, check as CheckText));
    }
  };
}

function fieldAtFault(record: Record<string, unknown>, check: CheckText): string {
  const fails = (name: string): boolean => {
    const field = Buffer.from(printJson({ [name]: record[name] }));
    try {
      check(field, 0, field.length);
      return false;
    } catch {
      return true;
    }
  };
  return Object.keys(record).find(fails) ?? '';
}

function ofColumn(thrown: unknown, name: string): unknown {
  return thrown instanceof MillraceError ? inColumn(thrown, name) : thrown;
}
