import { isNumeric, type Operand } from './operand.ts';
import { printPath } from './path.ts';
import type { Comparison, Predicate } from './predicate.ts';

/**
 * The text form of a predicate, which parseExpression reads as the same predicate; for `plan`, titles and messages to a person. Of nothing at
 * all (`and` of none is true, `or` of none false) there is no text form: they are printed as `true` and `false`, and `in` of none as `in ()`.
 */
export function printExpression(predicate: Predicate): string {
  switch (predicate.op) {
    case 'and':
    case 'or':
      if (predicate.of.length === 0) return predicate.op === 'and' ? 'true' : 'false';
      if (predicate.of.length === 1) return printExpression(predicate.of[0] as Predicate);
      return predicate.of.map(part => printPart(part, predicate.op)).join(` ${predicate.op} `);
    case 'not':
      return `not ${printPart(predicate.of[0], 'not')}`;
    default:
      return printComparison(predicate);
  }
}

/** In parentheses where what it stands in binds closer, or as close. */
function printPart(part: Predicate, within: 'and' | 'or' | 'not'): string {
  const isLoose = part.op === 'or' || (part.op === 'and' && within !== 'or');
  return isLoose ? `(${printExpression(part)})` : printExpression(part);
}

const WORDS = {
  like: 'like',
  notLike: 'not like',
  regex: '~',
  startsWith: 'starts with',
  in: 'in',
  notIn: 'not in',
  between: 'between',
  notBetween: 'not between',
  exists: 'is not null',
  notExists: 'is null',
} as const;

function printComparison(comparison: Comparison): string {
  const path = printPath(comparison.path);
  switch (comparison.op) {
    case 'exists':
    case 'notExists':
      return `${path} ${WORDS[comparison.op]}`;
    case 'in':
    case 'notIn':
      return `${path} ${WORDS[comparison.op]} (${comparison.values.map(printLiteral).join(', ')})`;
    case 'between':
    case 'notBetween':
      return `${path} ${WORDS[comparison.op]} ${printLiteral(comparison.low)} and ${printLiteral(comparison.high)}`;
    case 'like':
    case 'notLike':
    case 'regex':
    case 'startsWith':
      return `${path} ${WORDS[comparison.op]} ${quoted(comparison.value)}`;
    default:
      return `${path} ${comparison.op} ${printLiteral(comparison.value)}`;
  }
}

function printLiteral(operand: Operand): string {
  if (typeof operand === 'string') return quoted(operand);
  if (typeof operand !== 'object') return String(operand);
  if (!isNumeric(operand)) return `timestamp ${quoted(operand.timestamp)}`;
  return /^[+-]?[\d.]/.test(operand.numeric) ? operand.numeric : `numeric ${quoted(operand.numeric)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
