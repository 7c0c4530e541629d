import { MillraceError, suggestion } from '../errors.ts';
import { JsonNumber } from '../values/json.ts';
import { compileLike } from './like.ts';
import { type Operand, operandOf } from './operand.ts';
import { parsePath, type Path } from './path.ts';
import type { Comparison, Ordering, Predicate, TextTest } from './predicate.ts';
import { compileRegex } from './regex.ts';

/** More parentheses than this are no condition that a person wrote. */
export const MAX_DEPTH = 200;

/**
 * The predicate that an object form stands for, or that came from JSON as a predicate. PREDICATE_INVALID names the place: an unknown operator,
 * a pair that is none, a null operand, a pattern that can't be.
 */
export function predicateOf(where: unknown): Predicate {
  return conditionOf(where, 'where', 0);
}

function conditionOf(where: unknown, place: string, depth: number): Predicate {
  if (depth > MAX_DEPTH) throw invalid(place, `nested more than ${MAX_DEPTH} deep`);
  if (!isObject(where)) throw invalid(place, `expected an object of conditions, not ${describe(where)}`);
  if (typeof where.op === 'string' && Array.isArray(where.of)) return connectiveOf(where.op, where.of, place, depth);
  if (typeof where.op === 'string' && Array.isArray(where.path)) return comparisonOfTree(where.op, where.path, where, place);
  const conditions = Object.entries(where).flatMap(([key, test]): Predicate[] => {
    const at = `${place}.${key}`;
    if (key === 'and' || key === 'or')
      return [{ op: key, of: listOf(test, at).map((part, i) => conditionOf(part, `${at}[${i}]`, depth + 1)) }];
    if (key === 'not') return [{ op: key, of: [conditionOf(test, at, depth + 1)] as const }];
    return testsOf(pathOf(key), test, at);
  });
  return conditions.length === 1 ? (conditions[0] as Predicate) : { op: 'and', of: conditions };
}

/** A predicate as JSON. No object form looks like it: there a list stands neither under `of` nor under `path`. */
function connectiveOf(op: string, of: readonly unknown[], place: string, depth: number): Predicate {
  const parts = of.map((part, i) => conditionOf(part, `${place}.of[${i}]`, depth + 1));
  if (op === 'and' || op === 'or') return { op, of: parts };
  const [only] = parts;
  if (op !== 'not' || only === undefined || parts.length > 1)
    throw invalid(place, op === 'not' ? '"not" is of one predicate' : `no operator ${JSON.stringify(op)}`);
  return { op, of: [only] };
}

function comparisonOfTree(op: string, path: readonly unknown[], tree: Record<string, unknown>, place: string): Predicate {
  if (
    typeof path[0] !== 'string' ||
    !path.every(step => typeof step === 'string' || (Number.isSafeInteger(step) && (step as number) >= 0))
  ) {
    throw invalid(`${place}.path`, 'expected names and indexes, a name first');
  }
  const operator = Object.keys(ORDERINGS).find(name => ORDERINGS[name] === op) ?? op;
  const isPair = op === 'between' || op === 'notBetween';
  const given = isPair ? [tree.low, tree.high] : op === 'exists' || op === 'notExists' ? true : (tree.values ?? tree.value);
  if (Object.hasOwn(ORDERINGS, op)) throw invalid(place, `no operator ${JSON.stringify(op)}; write ${JSON.stringify(ORDERINGS[op])}`);
  return comparisonOf(path as unknown as Path, operator, given, place);
}

/** A key that is no path is the name of a column. */
function pathOf(key: string): Path {
  try {
    return parsePath(key);
  } catch {
    return [key];
  }
}

function testsOf(path: Path, test: unknown, place: string): Comparison[] {
  const operand = isTagged(test) ? undefined : operandOf(test);
  if (operand !== undefined) return [{ op: '=', path, value: operand }];
  if (!isObject(test))
    throw invalid(
      place,
      `expected a value or an object of operators, not ${describe(test)}${Array.isArray(test) ? '; a list stands under "in"' : ''}`,
    );
  const entries = Object.entries(test);
  if (entries.length === 0) throw invalid(place, 'an object without an operator');
  return entries.map(([operator, given]) => comparisonOf(path, operator, given, `${place}.${operator}`));
}

/** `{ numeric }` and `{ timestamp }` are values only behind an operator, so that they can't be mistaken for one. */
function isTagged(test: unknown): boolean {
  return isObject(test) && !(test instanceof Date) && !(test instanceof JsonNumber);
}

const ORDERINGS: Readonly<Record<string, Ordering['op']>> = { eq: '=', ne: '!=', gt: '>', gte: '>=', lt: '<', lte: '<=' };
const OPERATORS = [
  ...Object.keys(ORDERINGS),
  'in',
  'notIn',
  'between',
  'notBetween',
  'like',
  'notLike',
  'startsWith',
  'regex',
  'exists',
  'notExists',
];

function comparisonOf(path: Path, operator: string, given: unknown, place: string): Comparison {
  const ordering = Object.hasOwn(ORDERINGS, operator) ? ORDERINGS[operator] : undefined;
  if (ordering !== undefined) return { op: ordering, path, value: operand(given, place) };
  switch (operator) {
    case 'in':
    case 'notIn':
      return { op: operator, path, values: listOf(given, place).map((value, i) => operand(value, `${place}[${i}]`)) };
    case 'between':
    case 'notBetween': {
      const pair = Array.isArray(given) ? (given as unknown[]) : [];
      if (pair.length !== 2)
        throw invalid(place, `expected a pair [low, high], not ${Array.isArray(given) ? `a list of ${pair.length}` : describe(given)}`);
      return { op: operator, path, low: operand(pair[0], `${place}[0]`), high: operand(pair[1], `${place}[1]`) };
    }
    case 'like':
    case 'notLike':
    case 'regex':
    case 'startsWith':
      return { op: operator, path, value: checkedPattern(operator, given, place) };
    case 'exists':
    case 'notExists':
      if (typeof given !== 'boolean') throw invalid(place, `expected true or false, not ${describe(given)}`);
      return { op: given === (operator === 'exists') ? 'exists' : 'notExists', path };
    default:
      throw invalid(place, `no operator ${JSON.stringify(operator)}${suggestion(operator, OPERATORS)}`);
  }
}

function operand(value: unknown, place: string): Operand {
  const made = operandOf(value);
  if (made === undefined)
    throw invalid(
      place,
      `expected a text, number, boolean or date, not ${describe(value)}${value === null ? '; null is asked for by { exists: false }' : ''}`,
    );
  return made;
}

/** Patterns are compiled once to find out whether they can be. */
export function checkedPattern(operator: TextTest['op'], given: unknown, place: string): string {
  if (typeof given !== 'string') throw invalid(place, `expected a text, not ${describe(given)}`);
  try {
    if (operator === 'regex') compileRegex(given);
    else if (operator !== 'startsWith') compileLike(given);
  } catch (error) {
    throw invalid(place, (error as Error).message);
  }
  return given;
}

function listOf(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(place, `expected a list, not ${describe(value)}`);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid date' : 'a date';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function invalid(place: string, problem: string): MillraceError {
  return new MillraceError('PREDICATE_INVALID', `${place}: ${problem}`);
}
