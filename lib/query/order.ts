import { MillraceError } from '../errors.ts';
import { pointAt } from './point-at.ts';
import { parsePath, type Path, printPath } from './path.ts';

/** One key of an order, as plain JSON. Null and missing come last in either direction. */
export interface Order {
  readonly path: Path;
  readonly direction: 'asc' | 'desc';
}

/**
 * The order that keys stand for: `'age'`, `'-name'` (the greatest first), `{ age: 'asc', '-odd': 'desc' }`, or an Order as it came from JSON.
 * OPTION_INVALID for what is none, and for no key at all.
 */
export function orderOf(keys: readonly unknown[]): readonly Order[] {
  const order = keys.flatMap(keyOf);
  if (order.length === 0) throw invalid('it is empty; name a column, such as "age" or "-age" for the greatest first');
  return order;
}

/** `country,-age,"odd, name"`: names and paths, `-` before one for the greatest first. OPTION_INVALID points at the column; `option` is for messages. */
export function parseOrder(text: string, option: string): readonly Order[] {
  return partsOf(text).map(({ part, at }): Order => {
    const key = part.trim();
    try {
      return { path: parsePath(key.replace(/^-\s*/, '')), direction: key.startsWith('-') ? 'desc' : 'asc' };
    } catch {
      throw new MillraceError('OPTION_INVALID', pointAt(option, text, at, at + part.length, 'expected a column, as in country,-age,'));
    }
  });
}

/** What stands between commas outside of quotes. */
function partsOf(text: string): { part: string; at: number }[] {
  const parts: { part: string; at: number }[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at <= text.length; at++) {
    if (text[at] === '"') isQuoted = !isQuoted;
    if (at < text.length && (text[at] !== ',' || isQuoted)) continue;
    parts.push({ part: text.slice(start, at), at: start });
    start = at + 1;
  }
  return parts;
}

/** As a person writes it: `age, -name`. */
export function printOrder(order: readonly Order[]): string {
  return order.map(({ path, direction }) => `${direction === 'desc' ? '-' : ''}${printPath(path)}`).join(', ');
}

/** How a direction that stands behind a column, as in SQL, is written here; undefined where there is none, or no such column. */
export function directionHint(name: string, names: readonly string[]): string | undefined {
  const [, column = '', direction = '', nulls = ''] = SQL_DIRECTION.exec(name) ?? [];
  if (!names.includes(column) || direction + nulls === '') return undefined;
  const shown = printPath([column]);
  const written = direction.toLowerCase().startsWith('desc') ? `-${shown}, with the greatest first` : `${shown}, with the least first`;
  return `; its direction is written before it: ${written}${nulls === '' ? '' : '; null comes last either way'}`;
}

/** `amount desc nulls last` */
const SQL_DIRECTION = /^(.+?)(?:\s+(asc(?:ending)?|desc(?:ending)?))?(?:\s+(nulls\s+(?:first|last)))?$/is;

function keyOf(key: unknown): Order[] {
  if (typeof key === 'string') {
    const isDescending = key.startsWith('-');
    return [{ path: pathOf(isDescending ? key.slice(1) : key), direction: isDescending ? 'desc' : 'asc' }];
  }
  if (typeof key !== 'object' || key === null || Array.isArray(key)) throw invalid('a key is a name, "-name", or { name: "asc" | "desc" }');
  if (isOrder(key)) return [{ path: key.path, direction: key.direction }];
  return Object.entries(key).map(([name, direction]: [string, unknown]) => {
    if (direction === 'asc' || direction === 'desc') return { path: pathOf(name), direction };
    throw invalid(`the direction of ${JSON.stringify(name)} is "asc" or "desc"`);
  });
}

/** No object form looks like it: there stands a direction under `path`. */
function isOrder(key: object): key is Order {
  const { path, direction } = key as Partial<Order>;
  return (direction === 'asc' || direction === 'desc') && Array.isArray(path) && typeof path[0] === 'string';
}

/** A name that is no path is the name of a column. */
function pathOf(name: string): Path {
  try {
    return parsePath(name);
  } catch {
    return [name];
  }
}

function invalid(problem: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `the order: ${problem}`);
}
