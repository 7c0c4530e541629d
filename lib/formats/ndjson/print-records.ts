import type { Column } from '../../core/batch/column.ts';
import type { AnyBatch, RejectedRow } from '../../core/define.ts';
import { inColumn, MillraceError } from '../../errors.ts';
import { jsonNumber, jsonPrinter } from '../../schema/print-json.ts';
import type { Field } from '../../schema/schema.ts';
import { JsonNull, printJson } from '../../values/json.ts';

type PrintValue = (row: number) => string;

/**
 * The records of a batch as JSON objects, each on one line, values as the value table has them in JSON: keys in the order of the schema, null for
 * NULL; with the schema unknown the objects as they are. Each goes to `take`. A value that has no JSON is a reject: VALUE_INVALID, or VALUE_NOT_CARRIED for the JSON value null in
 * a column that has SQL's NULL beside it.
 */
export function printRecords(batch: AnyBatch, take: (text: string) => void): RejectedRow[] {
  const print = batch.schemaKnown ? columnPrinter(batch) : objectPrinter(batch);
  const rejected: RejectedRow[] = [];
  for (let row = 0; row < batch.length; row++) {
    let text: string;
    try {
      text = print(row);
    } catch (thrown) {
      // Only errors of values are a record's own; a fault of the program stops the run.
      if (!(thrown instanceof MillraceError)) throw thrown;
      rejected.push({ index: row, code: thrown.code, reason: thrown.message });
      continue;
    }
    take(text);
  }
  return rejected;
}

function columnPrinter(batch: AnyBatch): PrintValue {
  const { fields } = batch.schema;
  const prints = fields.map(field => valuePrinter(batch.column(field.name), field.type));
  const keys = fields.map(({ name }, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  const width = fields.length;
  return row => {
    let text = width === 0 ? '{' : '';
    for (let i = 0; i < width; i++) {
      try {
        text += (keys[i] as string) + (prints[i] as PrintValue)(row);
      } catch (thrown) {
        throw ofColumn(thrown, (fields[i] as Field).name);
      }
    }
    return `${text}}`;
  };
}

function valuePrinter(column: Column, type: Field['type']): PrintValue {
  const known = column.text === undefined ? undefined : ofText(type);
  if (known !== undefined) {
    return row => {
      const text = (column.text as NonNullable<Column['text']>)(row);
      return text === null ? 'null' : known(text);
    };
  }
  const print = jsonPrinter(type);
  if (type.kind !== 'json' && type.kind !== 'jsonb') {
    return row => {
      const value = column.get(row);
      return value === null || value === undefined ? 'null' : print(value);
    };
  }
  const { text } = column;
  if (text === undefined) return row => jsonText(column.get(row), print);
  return row => {
    const json = text.call(column, row);
    if (json === null) return 'null';
    // Line ends in valid JSON are blanks, and blanks alone do not make it another null.
    const line = /[\r\n]/.test(json) ? json.replaceAll(/[\r\n]+/g, ' ') : json;
    return line.trim() === 'null' ? refuseJsonNull() : line;
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

function jsonText(value: unknown, print: (value: unknown) => string): string {
  if (value === null || value === undefined) return 'null';
  return value === JsonNull ? refuseJsonNull() : print(value);
}

function refuseJsonNull(): never {
  throw new MillraceError('VALUE_NOT_CARRIED', 'the JSON value null would become NULL: a JSON file has one null only');
}

function objectPrinter(batch: AnyBatch): PrintValue {
  const rows = batch.rows as readonly Record<string, unknown>[];
  return row => {
    const record = rows[row] as Record<string, unknown>;
    for (const name in record) {
      if (record[name] === JsonNull)
        throw ofColumn(
          new MillraceError('VALUE_NOT_CARRIED', 'the JSON value null would become NULL: a JSON file has one null only'),
          name,
        );
    }
    return printJson(record);
  };
}

function ofColumn(thrown: unknown, name: string): unknown {
  return thrown instanceof MillraceError ? inColumn(thrown, name) : thrown;
}
