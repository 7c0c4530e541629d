import { MillraceError } from '../errors.ts';
import type { Token } from './lexer.ts';
import type { Operand } from './operand.ts';
import { parsePath, type Path } from './path.ts';
import { checkedPattern, MAX_DEPTH } from './predicate-of.ts';
import type { Comparison, Ordering, Predicate, TextTest } from './predicate.ts';
import { parseLiteral } from './parse-literal.ts';
import { TokenReader } from './token-reader.ts';

/**
 * The predicate that a text such as `age >= 30 and city in (NY, 'Los Angeles') and not name like 'A%'` stands for. `not` binds closer than `and`,
 * `and` closer than `or`; keywords are read in any case. Left stands a path (`a.b[0]."odd name"`), right a literal (parse-literal.ts).
 * EXPRESSION_INVALID points at the column and says what could stand there.
 */
export function parseExpression(expression: string): Predicate {
  const tokens = new TokenReader(expression);
  const predicate = parseOr(tokens, 0);
  if (tokens.next.kind !== 'end') throw tokens.unexpected('and, or, the end');
  return predicate;
}

function parseOr(tokens: TokenReader, depth: number): Predicate {
  const of = [parseAnd(tokens, depth)];
  while (tokens.takeWord('or')) of.push(parseAnd(tokens, depth));
  return of.length === 1 ? (of[0] as Predicate) : { op: 'or', of };
}

function parseAnd(tokens: TokenReader, depth: number): Predicate {
  const of = [parseNot(tokens, depth)];
  while (tokens.takeWord('and')) of.push(parseNot(tokens, depth));
  return of.length === 1 ? (of[0] as Predicate) : { op: 'and', of };
}

function parseNot(tokens: TokenReader, depth: number): Predicate {
  if (depth > MAX_DEPTH) throw tokens.invalid(tokens.next, `nested more than ${MAX_DEPTH} deep`);
  if (tokens.takeWord('not')) return { op: 'not', of: [parseNot(tokens, depth + 1)] };
  if (!tokens.takeMark('(')) return parseComparison(tokens);
  const inner = parseOr(tokens, depth + 1);
  if (!tokens.takeMark(')')) throw tokens.unexpected('and, or, )');
  return inner;
}

const ORDERINGS: Readonly<Record<string, Ordering['op']>> = {
  '=': '=',
  '!=': '!=',
  '<>': '!=',
  '>': '>',
  '>=': '>=',
  '<': '<',
  '<=': '<=',
};
const OPERATORS = '=, !=, <, <=, >, >=, ~, like, in, between, starts with, is null, or not before one of them';

function parseComparison(tokens: TokenReader): Comparison {
  const path = parseColumn(tokens);
  const { kind, text } = tokens.next;
  const ordering = kind === 'sign' && Object.hasOwn(ORDERINGS, text) ? ORDERINGS[text] : undefined;
  if (ordering !== undefined) {
    tokens.take();
    return { op: ordering, path, value: parseLiteral(tokens) };
  }
  if (kind === 'sign' && text === '~') {
    tokens.take();
    return { op: 'regex', path, value: parsePattern(tokens, 'regex') };
  }
  if (tokens.takeWord('starts')) {
    tokens.expectWord('with');
    return { op: 'startsWith', path, value: parsePattern(tokens, 'startsWith') };
  }
  if (tokens.takeWord('is')) {
    const isNegated = tokens.takeWord('not');
    if (!tokens.takeWord('null')) throw tokens.unexpected(isNegated ? 'null' : 'null, not null');
    return { op: isNegated ? 'exists' : 'notExists', path };
  }
  return parseNegatable(tokens, path);
}

function parseNegatable(tokens: TokenReader, path: Path): Comparison {
  const isNegated = tokens.takeWord('not');
  if (tokens.takeWord('like')) return { op: isNegated ? 'notLike' : 'like', path, value: parsePattern(tokens, 'like') };
  if (tokens.takeWord('in')) return { op: isNegated ? 'notIn' : 'in', path, values: parseList(tokens) };
  if (tokens.takeWord('between')) {
    const low = parseLiteral(tokens);
    tokens.expectWord('and');
    return { op: isNegated ? 'notBetween' : 'between', path, low, high: parseLiteral(tokens) };
  }
  throw tokens.unexpected(isNegated ? 'like, in, between' : OPERATORS);
}

/** Words and names in double quotes that touch are one path. */
function parseColumn(tokens: TokenReader): Path {
  const first = tokens.next;
  const isColumn = first.kind === 'name' || (first.kind === 'word' && !/^(?:and|or)$/i.test(first.text));
  if (!isColumn) throw tokens.unexpected('a column, not, (');
  let last = tokens.take();
  while ((tokens.next.kind === 'word' || tokens.next.kind === 'name') && tokens.next.start === last.end) last = tokens.take();
  const whole: Token = { ...last, start: first.start };
  try {
    return parsePath(tokens.expression.slice(first.start, last.end));
  } catch {
    throw tokens.invalid(whole, 'malformed path (the forms are a.b, a[0], "odd name")');
  }
}

function parseList(tokens: TokenReader): Operand[] {
  tokens.expectMark('(');
  const values: Operand[] = [];
  do values.push(parseLiteral(tokens, true));
  while (tokens.takeMark(','));
  if (!tokens.takeMark(')')) throw tokens.unexpected('",", )');
  return values;
}

/** Digits and bare words are text here. */
function parsePattern(tokens: TokenReader, op: TextTest['op']): string {
  const token = tokens.next;
  if (token.kind !== 'text' && token.kind !== 'word') throw tokens.unexpected("a text in single quotes ('…')");
  tokens.take();
  try {
    return checkedPattern(op, token.text, op);
  } catch (error) {
    throw tokens.invalid(token, error instanceof MillraceError ? error.message : String(error));
  }
}
