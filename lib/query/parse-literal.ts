import { numericOperand, type Operand, operandOf } from './operand.ts';
import type { TokenReader } from './token-reader.ts';

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const EXPECTED = "a number, a text in single quotes ('…'), a word, true, false";

/**
 * The literal that comes next:
 * - text in single quotes, `'` doubled
 * - a number; whole ones past 2^53 and decimals that a double does not carry keep all their digits (`{ numeric }`)
 * - `true` and `false`
 * - `numeric '…'` and `timestamp '…'`: what print-expression.ts writes for NaN, infinities and Dates
 * - any other word, which is text. In a list `and`, `or` and `not` are such words too (Oregon is OR).
 */
export function parseLiteral(tokens: TokenReader, isInList = false): Operand {
  const token = tokens.next;
  if (token.kind === 'text') return tokens.take().text;
  if (token.kind === 'name') throw tokens.invalid(token, `text stands in single quotes, not in double ones: '${token.text.slice(1, -1)}'`);
  const isKeyword = !isInList && /^(?:and|or|not)$/i.test(token.text);
  if (token.kind !== 'word' || isKeyword) throw tokens.unexpected(EXPECTED);
  if (/^null$/i.test(token.text)) throw tokens.invalid(token, 'nothing equals null; write is null, or is not null,');
  tokens.take();
  if (tokens.next.kind === 'text') return parseTagged(token.text, tokens);
  if (/^true$/i.test(token.text)) return true;
  if (/^false$/i.test(token.text)) return false;
  return (NUMBER.test(token.text) ? numericOperand(token.text) : undefined) ?? token.text;
}

function parseTagged(tag: string, tokens: TokenReader): Operand {
  const { text } = tokens.next;
  const operand = /^(?:numeric|timestamp)$/i.test(tag) ? operandOf({ [tag.toLowerCase()]: text }) : undefined;
  if (operand === undefined) throw tokens.unexpected(`and, or, the end behind ${tag}`);
  tokens.take();
  return operand;
}
