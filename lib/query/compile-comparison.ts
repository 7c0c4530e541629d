import type { Field } from '../schema/schema.ts';
import { JsonNull } from '../values/json.ts';
import { type Comparator, comparatorOf, plainNumber, type Reading, readingOf } from './comparator.ts';
import { compileLike } from './like.ts';
import type { Operand } from './operand.ts';
import type { Comparison, Ordering } from './predicate.ts';
import { compileRegex } from './regex.ts';

export type ValueTest = (value: unknown) => boolean;

/** What a comparison asks of a value. A negated operator is true of every value that is there and that the operator itself is false of. */
export function testOf(comparison: Comparison, field: Field | undefined): ValueTest {
  const reading = readingOf(field);
  switch (comparison.op) {
    case 'exists':
      return isThere;
    case 'notExists':
      return value => !isThere(value);
    case '!=':
      return negated(orderingTest('=', comparison.value, reading));
    case '=':
    case '>':
    case '>=':
    case '<':
    case '<=':
      return orderingTest(comparison.op, comparison.value, reading);
    case 'in':
      return memberTest(comparison.values, reading);
    case 'notIn':
      return negated(memberTest(comparison.values, reading));
    case 'between':
      return betweenTest(comparison.low, comparison.high, reading);
    case 'notBetween':
      return negated(betweenTest(comparison.low, comparison.high, reading));
    case 'notLike':
      return negated(textTest(compileLike(comparison.value)));
    case 'like':
      return textTest(compileLike(comparison.value));
    case 'regex':
      return textTest(compileRegex(comparison.value));
    case 'startsWith': {
      const { value: start } = comparison;
      return value => typeof value === 'string' && value.startsWith(start);
    }
  }
}

/** The JSON value null counts as null: a record that came through JSON knows no other. */
function isThere(value: unknown): boolean {
  return value !== null && value !== undefined && value !== JsonNull;
}

function negated(test: ValueTest): ValueTest {
  return value => isThere(value) && !test(value);
}

function textTest(matches: (text: string) => boolean): ValueTest {
  return value => typeof value === 'string' && matches(value);
}

function orderingTest(op: Exclude<Ordering['op'], '!='>, operand: Operand, reading: Reading): ValueTest {
  const compare = comparatorOf(operand, reading);
  if (typeof operand === 'number') return numberTest(op, operand, compare);
  if (typeof operand === 'string' && op === '=' && isPlainText(reading))
    return value => value === operand || (typeof value === 'object' && compare(value) === 0);
  switch (op) {
    case '=':
      return value => compare(value) === 0;
    case '>':
      return value => compare(value) > 0;
    case '>=':
      return value => compare(value) >= 0;
    case '<':
      return value => compare(value) < 0;
    case '<=':
      return value => compare(value) <= 0;
  }
}

/** Numbers are what is compared most: by the engine's own operators. `>` and `>=` leave NaN, the greatest, to the comparator. */
function numberTest(op: Exclude<Ordering['op'], '!='>, operand: number, compare: Comparator): ValueTest {
  switch (op) {
    case '=':
      return value => (typeof value === 'number' ? value === operand : compare(value) === 0);
    case '>':
      return value => (typeof value === 'number' && value <= operand ? false : compare(value) > 0);
    case '>=':
      return value => (typeof value === 'number' && value < operand ? false : compare(value) >= 0);
    case '<':
      return value => (typeof value === 'number' ? value < operand : compare(value) < 0);
    case '<=':
      return value => (typeof value === 'number' ? value <= operand : compare(value) <= 0);
  }
}

function betweenTest(low: Operand, high: Operand, reading: Reading): ValueTest {
  const compareLow = comparatorOf(low, reading);
  const compareHigh = comparatorOf(high, reading);
  return value => compareLow(value) >= 0 && compareHigh(value) <= 0;
}

/** Long lists are looked up: texts that are only texts, and numbers; what is neither goes from literal to literal. */
function memberTest(operands: readonly Operand[], reading: Reading): ValueTest {
  const texts = new Set<unknown>(isPlainText(reading) ? operands.filter(operand => typeof operand === 'string') : []);
  const numbers = new Set(operands.filter(operand => typeof operand === 'number'));
  const comparators = operands.map(operand => comparatorOf(operand, reading));
  const others = operands.flatMap((operand, i) =>
    typeof operand === 'number' || texts.has(operand) ? [] : [comparators[i] as Comparator],
  );
  const hasEqual = (list: readonly Comparator[], value: unknown): boolean => list.some(compare => compare(value) === 0);
  return value => {
    if (texts.has(value)) return true;
    const number = plainNumber(value, reading);
    if (number !== undefined) return numbers.has(number) || hasEqual(others, value);
    return hasEqual(typeof value === 'string' && reading === 'text' ? others : comparators, value);
  };
}

/** Where a text is equal to another only by being the same. */
function isPlainText(reading: Reading): boolean {
  return reading === 'text' || reading === 'untyped';
}
