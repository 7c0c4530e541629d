import { invalidExpression } from './invalid-expression.ts';

/**
 * - `word`: anything else without blanks, quotes, brackets, commas and operator signs: names, keywords, numbers, bare texts (`2024-01-01T00:00:00Z`)
 * - `name`: in double quotes
 * - `text`: in single quotes
 * - `sign`: signs of comparison that touch, whether they mean something or not
 * - `mark`: one of `(`, `)`, `,`
 */
export interface Token {
  readonly kind: 'word' | 'name' | 'text' | 'sign' | 'mark' | 'end';
  /** As it is written; of a text what stands between the quotes, doubled ones halved. */
  readonly text: string;
  /** Where it begins and ends in the expression. */
  readonly start: number;
  readonly end: number;
}

const TOKEN = /\s*(?:(?<text>'(?:[^']|'')*')|(?<name>"(?:[^"]|"")*")|(?<sign>[=<>!~]+)|(?<mark>[(),])|(?<word>[^\s'"=<>!~(),]+))/y;

/** The tokens of an expression, `end` the last; EXPRESSION_INVALID at a quote that is not closed. */
export function tokensOf(expression: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (;;) {
    const from = TOKEN.lastIndex;
    const groups = TOKEN.exec(expression)?.groups;
    if (groups === undefined) {
      tokens.push(endAt(expression, from));
      return tokens;
    }
    const kind = KINDS.find(each => groups[each] !== undefined) ?? 'word';
    const raw = groups[kind] as string;
    const text = kind === 'text' ? raw.slice(1, -1).replaceAll("''", "'") : raw;
    tokens.push({ kind, text, start: TOKEN.lastIndex - raw.length, end: TOKEN.lastIndex });
  }
}

const KINDS = ['text', 'name', 'sign', 'mark', 'word'] as const;

/** Where no token begins there are blanks, or a quote that stays open. */
function endAt(expression: string, from: number): Token {
  const rest = expression.slice(from).trimStart();
  const start = expression.length - rest.length;
  if (rest !== '') throw invalidExpression(expression, start, start + 1, `the quote ${rest.charAt(0)} is not closed`);
  const end = expression.trimEnd().length;
  return { kind: 'end', text: 'the end', start: end, end };
}
