import { inferTextType } from '../../schema/infer-text.ts';
import type { TypeKind } from '../../schema/types.ts';
import type { CsvOptions } from './options.ts';
import { type SampleDialect, type SampleField, type SampleRecord, sampleRecords } from './sample-records.ts';

/** What was found of a dialect that the options do not say; what is as by default is left out. */
export interface GuessedDialect {
  readonly delimiter?: string;
  readonly quote?: string;
  readonly recordDelimiter?: string;
  readonly headers?: false;
}

/** What the user said of the dialect. */
export type GivenDialect = { readonly [Name in keyof CsvOptions]?: CsvOptions[Name] | undefined };

/** Enough of a file to tell. */
export const GUESS_BYTES = 64 * 1024;
const MOST_RECORDS = 500;

const DELIMITERS = [',', ';', '\t', '|'];
/** Where other options than these are given, the user knows the dialect, and nothing is guessed. */
const COMPATIBLE: ReadonlySet<string> = new Set(['delimiter', 'quote', 'recordDelimiter', 'headers', 'nullText', 'skipEmptyLines', 'bom']);

/**
 * The dialect of a CSV file by its beginning, where that leaves no doubt; else nothing, and the defaults hold.
 *
 * - Delimiter: semicolon, tab or bar, where commas do not give all records the same number of fields (two or more), under different
 *   names, and just one of these does.
 * - Quote: `'`, where there is no `"`, and every name of the header stands between two of them.
 * - Line ends: CR, where there is no LF.
 * - No header, where the first line has a date, time, uuid or truth value in a column that has nothing else, and is in no column of another type
 *   than the lines below it.
 *
 * `isWhole`: the text is all of the file; else its last line may be cut off.
 */
export function guessDialect(head: Uint8Array, isWhole: boolean, given: GivenDialect): GuessedDialect {
  if (Object.entries(given).some(([name, value]) => value !== undefined && !COMPATIBLE.has(name))) return {};
  const text = new TextDecoder().decode(head);
  const recordDelimiter = lineEndOf(text, given.recordDelimiter);
  if (recordDelimiter === undefined) return {};
  const read = (delimiter: string, quote: string): SampleRecord[] | undefined =>
    evenRecords(text, isWhole, { delimiter, quote, lineEnd: recordDelimiter }, given);
  const found = [given.quote ?? '"', ...(given.quote === undefined && !text.includes('"') ? ["'"] : [])]
    .filter(quote => typeof quote === 'string' && quote.length === 1)
    .map(quote => byDelimiter(quote as string, given, read))
    .findLast(reading => reading !== undefined && (reading.quote !== "'" || given.quote === "'" || isQuotedHeader(reading.records)));
  if (found === undefined) return {};
  const { records, delimiter, quote } = found;
  const hasHeader = given.headers !== undefined || !startsWithRecord(records);
  return {
    ...(given.delimiter === undefined && delimiter !== ',' ? { delimiter } : {}),
    ...(given.quote === undefined && quote !== '"' ? { quote } : {}),
    ...(given.recordDelimiter === undefined && recordDelimiter === '\r' ? { recordDelimiter } : {}),
    ...(hasHeader ? {} : { headers: false as const }),
  };
}

/** LF for LF and CRLF, mixed. Undefined where it is not one of the usual ones. */
function lineEndOf(text: string, given: CsvOptions['recordDelimiter']): '\n' | '\r' | undefined {
  if (given !== undefined) return given === '\n' || given === '\r\n' ? '\n' : given === '\r' ? '\r' : undefined;
  return text.includes('\r') && !text.includes('\n') ? '\r' : '\n';
}

interface Reading {
  readonly delimiter: string;
  readonly quote: string;
  readonly records: readonly SampleRecord[];
}

/** Commas where they go; else the only one of the others that does. */
function byDelimiter(
  quote: string,
  given: GivenDialect,
  read: (delimiter: string, quote: string) => SampleRecord[] | undefined,
): Reading | undefined {
  const candidates = given.delimiter === undefined ? DELIMITERS : typeof given.delimiter === 'string' ? [given.delimiter] : [];
  const readings = candidates.flatMap(delimiter => {
    const records = read(delimiter, quote);
    return records === undefined ? [] : [{ delimiter, quote, records }];
  });
  const [first] = readings;
  return first !== undefined && (first.delimiter === ',' || readings.length === 1) ? first : undefined;
}

/** The records, where they are two or more and all have the same number of fields, two or more. */
function evenRecords(text: string, isWhole: boolean, dialect: SampleDialect, given: GivenDialect): SampleRecord[] | undefined {
  const records = sampleRecords(text.replace(/^\ufeff/, ''), dialect, { isWhole, most: MOST_RECORDS });
  const width = Array.isArray(given.headers) ? given.headers.length : (records?.[0]?.length ?? 0);
  if (records === undefined || records.length < 2 || width < 2) return undefined;
  return records.every(record => record.length === width) && mayBeNames(records[0] as SampleRecord, given.headers) ? records : undefined;
}

/** Of a header: names, each of its own; one of them may be missing. */
function mayBeNames(first: SampleRecord, headers: CsvOptions['headers'] | undefined): boolean {
  if (headers === false || Array.isArray(headers)) return true;
  return new Set(first.map(({ text }) => text.trim())).size === first.length;
}

function isQuotedHeader([header]: readonly SampleRecord[]): boolean {
  return header?.every(({ isQuoted }) => isQuoted) === true;
}

/** Types whose values are no names of columns. (Numbers can be: the years of a table.) */
const NO_NAMES: ReadonlySet<TypeKind> = new Set<TypeKind>(['date', 'timestamp', 'timestamptz', 'uuid', 'bool']);

/** Whether the first line is a record like those below it. */
function startsWithRecord([first, ...rest]: readonly SampleRecord[]): boolean {
  if (first === undefined || rest.length < 2) return false;
  let isTold = false;
  for (const [column, field] of first.entries()) {
    const below = rest.map(record => valueOf(record[column])).filter(value => value !== null);
    const value = valueOf(field);
    const type = inferTextType(below).kind;
    if (type === 'text' || value === null) continue;
    if (inferTextType([value, ...below]).kind !== type) return false;
    if (NO_NAMES.has(type) && below.length >= 2) isTold = true;
  }
  return isTold;
}

function valueOf(field: SampleField | undefined): string | null {
  return field === undefined || (field.text === '' && !field.isQuoted) ? null : field.text;
}
