import { JsonNumber } from '../values/json.ts';
import { MillraceError } from '../errors.ts';
import { pointAt } from './point-at.ts';

/**
 * A way into a record: the column, then names of fields and indexes of lists (`a.b[0]."odd name"` is `['a', 'b', 0, 'odd name']`).
 * Plain JSON. The first step is a name.
 */
export type Path = readonly [string, ...(string | number)[]];

/** A step that needs no quotes: read alike in a path, an expression and a list of names. */
const BARE = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;
const RESERVED = /^(?:and|or|not)$/i;

/**
 * The path that a text stands for. Names are bare (anything without `.`, `[`, `]`, `"`) or in double quotes with `"` doubled.
 * EXPRESSION_INVALID with the column where it went wrong.
 */
export function parsePath(text: string): Path {
  const first = nameAt(text, 0);
  const rest: (string | number)[] = [];
  for (let at = first.end; at < text.length;) {
    const { step, end } = text[at] === '[' ? indexAt(text, at) : fieldAt(text, at);
    rest.push(step);
    at = end;
  }
  return [first.step, ...rest];
}

/** The text of a path, which parsePath reads as the same path. */
export function printPath(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : `${i > 0 ? '.' : ''}${printName(step)}`)).join('');
}

/** A name as it stands in a path or a list: in double quotes where it needs them. */
export function printName(name: string): string {
  return BARE.test(name) && !RESERVED.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** The first `length` steps as one name: what a column is called whose name has dots in it. */
export function joinedName(path: Path, length = path.length): string {
  return path
    .slice(0, length)
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : `${i > 0 ? '.' : ''}${step}`))
    .join('');
}

/** What `steps` lead to from `value`: own fields of plain objects, items of lists; undefined where there is nothing. */
export function walk(value: unknown, steps: readonly (string | number)[]): unknown {
  let current = value;
  for (const step of steps) {
    if (typeof step === 'number') {
      if (!Array.isArray(current)) return undefined;
      current = current[step];
    } else {
      if (!isFields(current) || !Object.hasOwn(current, step)) return undefined;
      current = current[step];
    }
  }
  return current;
}

/** Lists, dates, bytes and exact numbers are values: what they are made of inside is no field. */
function isFields(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof JsonNumber)
  );
}

function indexAt(text: string, start: number): { step: number; end: number } {
  const match = /^\[(\d{1,9})\]/.exec(text.slice(start, start + 12));
  if (match === null) throw invalid(text, start, 'expected the index of a list, as [0],');
  return { step: Number(match[1]), end: start + match[0].length };
}

function fieldAt(text: string, start: number): { step: string; end: number } {
  if (text[start] !== '.') throw invalid(text, start, 'expected "." or "["');
  return nameAt(text, start + 1);
}

function nameAt(text: string, start: number): { step: string; end: number } {
  if (text[start] !== '"') {
    const length = text.slice(start).search(/[.[\]"]|$/);
    if (length === 0) throw invalid(text, start, 'expected a name');
    return { step: text.slice(start, start + length), end: start + length };
  }
  const match = /^"((?:[^"]|"")*)"/.exec(text.slice(start));
  if (match === null) throw invalid(text, start, 'a double quote is not closed');
  return { step: (match[1] as string).replaceAll('""', '"'), end: start + match[0].length };
}

function invalid(text: string, at: number, problem: string): MillraceError {
  return new MillraceError('EXPRESSION_INVALID', pointAt('path', text, at, at + 1, problem));
}
