import { MillraceError, suggestion } from '../errors.ts';
import { type Path, parsePath } from './path.ts';

/** What a value may be compared with. Digits too long for a number are bigints; decimals that a double does not carry are text of digits. */
export type Operand = string | number | bigint | boolean | Date;

export const COMPARISONS = ['=', '!=', '>', '>=', '<', '<=', 'in', 'notIn', 'like', 'notLike', 'regex', 'startsWith', 'exists', 'notExists', 'between', 'notBetween'] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** A predicate as a tree. `operands`: one for most, any number for in and notIn, two for between and notBetween, none for exists and notExists. */
export type Predicate =
  | { readonly and: readonly Predicate[] }
  | { readonly or: readonly Predicate[] }
  | { readonly not: Predicate }
  | { readonly path: Path; readonly op: Comparison; readonly operands: readonly Operand[] };

/** The names that the object form has for comparisons. */
const NAMES: Readonly<Record<string, Comparison>> = {
  eq: '=', ne: '!=', gt: '>', gte: '>=', lt: '<', lte: '<=', in: 'in', notIn: 'notIn', like: 'like', notLike: 'notLike', regex: 'regex',
  startsWith: 'startsWith', exists: 'exists', notExists: 'notExists', between: 'between', notBetween: 'notBetween',
};

/**
 * The predicate of the object form: `{ age: { gte: 30 }, 'meta.a': 5, or: [{ city: 'NY' }, …], not: { … } }`; what stands side by side must all
 * hold. PREDICATE_INVALID, with the place, for an unknown operator, a malformed pair or an operand that can't be compared (null: ask with exists).
 */
export function predicateOf(where: unknown): Predicate {
  if (!isObject(where)) throw invalid('', 'is not an object such as { age: { gte: 30 } }');
  const parts = Object.entries(where).flatMap(([key, value]): Predicate[] => {
    if (key === 'and' || key === 'or') {
      if (!Array.isArray(value)) throw invalid(key, 'takes a list of predicates');
      const list = value.map(predicateOf);
      return [key === 'and' ? { and: list } : { or: list }];
    }
    if (key === 'not') return [{ not: predicateOf(value) }];
    return comparisonsOf(key, value);
  });
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { and: parts };
}

function comparisonsOf(key: string, value: unknown): Predicate[] {
  const path = parsePath(key);
  if (!isObject(value) || value instanceof Date) return [{ path, op: '=', operands: [operand(key, value)] }];
  return Object.entries(value).map(([name, given]) => {
    const op = NAMES[name];
    if (op === undefined) throw invalid(key, `has no operator ${JSON.stringify(name)}${suggestion(name, Object.keys(NAMES))}`);
    return comparison(key, path, op, given);
  });
}

function comparison(key: string, path: Path, op: Comparison, given: unknown): Predicate {
  switch (op) {
    case 'in':
    case 'notIn':
      if (!Array.isArray(given)) throw invalid(key, `${op} takes a list`);
      return { path, op, operands: given.map(item => operand(key, item)) };
    case 'between':
    case 'notBetween':
      if (!Array.isArray(given) || given.length !== 2) throw invalid(key, `${op} takes a pair [least, most]`);
      return { path, op, operands: given.map(item => operand(key, item)) };
    case 'exists':
    case 'notExists':
      if (typeof given !== 'boolean') throw invalid(key, `${op} takes true or false`);
      return { path, op: (op === 'exists') === given ? 'exists' : 'notExists', operands: [] };
    case 'like':
    case 'notLike':
    case 'regex':
    case 'startsWith':
      if (typeof given !== 'string') throw invalid(key, `${op} takes a text`);
      return { path, op, operands: [given] };
    default:
      return { path, op, operands: [operand(key, given)] };
  }
}

function operand(key: string, value: unknown): Operand {
  if (value === null || value === undefined) throw invalid(key, 'is compared with null, which matches nothing; ask with exists or notExists');
  if (value instanceof Date || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return value as Operand;
  throw invalid(key, `is compared with ${Array.isArray(value) ? 'a list' : `a ${typeof value}`}`);
}

/** The columns that a predicate reads, each once. A column whose own name holds dots is read under its whole name where the schema has it. */
export function pathsOf(predicate: Predicate): Path[] {
  if ('and' in predicate) return predicate.and.flatMap(pathsOf);
  if ('or' in predicate) return predicate.or.flatMap(pathsOf);
  return 'not' in predicate ? pathsOf(predicate.not) : [predicate.path];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(key: string, what: string): MillraceError {
  return new MillraceError('PREDICATE_INVALID', `predicate: ${key === '' ? 'it' : JSON.stringify(key)} ${what}`);
}

