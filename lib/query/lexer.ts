import { MillraceError } from '../errors.ts';

export interface Token {
  readonly kind: 'word' | 'quoted' | 'text' | 'number' | 'mark' | 'end';
  /** As it is written. */
  readonly text: string;
  /** Without quotes, doubled ones halved. */
  readonly value: string;
  /** Where it begins, in characters from 0. */
  readonly at: number;
}

const TOKEN = /\s*(?:('(?:[^']|'')*')|("(?:[^"]|"")*")|(-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w:.-]))|(>=|<=|!=|<>|[=<>~(),.[\]]+?)|([^\s'"=<>~!(),.[\]]+))/y;

/** The tokens of an expression; EXPRESSION_INVALID at a quote that is not closed or a character that begins nothing. */
export function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < expression.trimEnd().length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(expression);
    const start = at + (/^\s*/.exec(expression.slice(at))?.[0].length ?? 0);
    if (match === null) {
      const found = expression[start] as string;
      throw invalidExpression(expression, start, found === "'" || found === '"' ? `a quote ${found} that is not closed` : `${JSON.stringify(found)} is not expected here`);
    }
    const [, text, quoted, number, mark, word] = match;
    if (text !== undefined) tokens.push({ kind: 'text', text, value: text.slice(1, -1).replaceAll("''", "'"), at: start });
    else if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted, value: quoted.slice(1, -1).replaceAll('""', '"'), at: start });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, value: number, at: start });
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark, value: mark, at: start });
    else tokens.push({ kind: 'word', text: word as string, value: word as string, at: start });
    at = TOKEN.lastIndex;
  }
  tokens.push({ kind: 'end', text: '', value: '', at: expression.length });
  return tokens;
}

/** EXPRESSION_INVALID with the expression and a mark under the place. */
export function invalidExpression(expression: string, at: number, what: string): MillraceError {
  const column = [...expression.slice(0, at)].length;
  return new MillraceError('EXPRESSION_INVALID', `the expression is wrong at column ${column + 1}: ${what}\n  ${expression}\n  ${' '.repeat(column)}^`);
}
