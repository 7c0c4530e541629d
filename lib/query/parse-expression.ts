import { invalidExpression, type Token, tokenize } from './lexer.ts';
import { isExactNumber } from '../values/json.ts';
import type { Path } from './path.ts';
import type { Comparison, Operand, Predicate } from './predicate.ts';

/**
 * The predicate of an expression of the command line:
 *
 *     expression = and { "or" and }            and = unary { "and" unary }            unary = "not" unary | "(" expression ")" | comparison
 *     comparison = path ( ("=" | "!=" | "<>" | ">" | ">=" | "<" | "<=") literal | "~" text | [not] "like" text | "starts with" text
 *                | [not] "in" "(" literal { "," literal } ")" | [not] "between" literal "and" literal | "is" [not] "null" )
 *     path = name { "." name | "[" number "]" }, odd names in double quotes;  literal = number | 'text' | true | false | bare word
 *
 * Keywords in any case. Whole numbers past 2^53 are bigints, decimals that a double does not carry stay text of digits.
 * EXPRESSION_INVALID points at the column, names what stands there and says what is wanted.
 */
export function parseExpression(expression: string): Predicate {
  const parser = new Parser(expression);
  const predicate = parser.expression();
  parser.expectEnd();
  return predicate;
}

const KEYWORDS = new Set(['and', 'or', 'not', 'like', 'in', 'between', 'is', 'starts']);
const ORDERED: Readonly<Record<string, Comparison>> = { '=': '=', '!=': '!=', '<>': '!=', '>': '>', '>=': '>=', '<': '<', '<=': '<=' };

class Parser {
  readonly #expression: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(expression: string) {
    this.#expression = expression;
    this.#tokens = tokenize(expression);
  }

  expression(): Predicate {
    const parts = [this.#and()];
    while (this.#takeWord('or')) parts.push(this.#and());
    return parts.length === 1 ? (parts[0] as Predicate) : { or: parts };
  }

  expectEnd(): void {
    if (this.#next.kind !== 'end') throw this.#unexpected('"and", "or" or the end');
  }

  #and(): Predicate {
    const parts = [this.#unary()];
    while (this.#takeWord('and')) parts.push(this.#unary());
    return parts.length === 1 ? (parts[0] as Predicate) : { and: parts };
  }

  #unary(): Predicate {
    if (this.#takeWord('not')) return { not: this.#unary() };
    if (!this.#takeMark('(')) return this.#comparison();
    const inner = this.expression();
    this.#expectMark(')');
    return inner;
  }

  #comparison(): Predicate {
    const path = this.#path();
    const ordered = this.#next.kind === 'mark' ? ORDERED[this.#mark()] : undefined;
    if (ordered !== undefined) {
      this.#at += this.#markLength();
      return { path, op: ordered, operands: [this.#literal()] };
    }
    if (this.#takeMark('~')) return { path, op: 'regex', operands: [this.#text()] };
    if (this.#takeWord('is')) {
      const isNot = this.#takeWord('not');
      if (!this.#takeWord('null')) throw this.#unexpected('"null"');
      return { path, op: isNot ? 'exists' : 'notExists', operands: [] };
    }
    if (this.#takeWord('starts')) {
      if (!this.#takeWord('with')) throw this.#unexpected('"with"');
      return { path, op: 'startsWith', operands: [this.#text()] };
    }
    return this.#negatable(path);
  }

  #negatable(path: Path): Predicate {
    const isNot = this.#takeWord('not');
    if (this.#takeWord('like')) return { path, op: isNot ? 'notLike' : 'like', operands: [this.#text()] };
    if (this.#takeWord('in')) return { path, op: isNot ? 'notIn' : 'in', operands: this.#list() };
    if (this.#takeWord('between')) {
      const least = this.#literal();
      if (!this.#takeWord('and')) throw this.#unexpected('"and"');
      return { path, op: isNot ? 'notBetween' : 'between', operands: [least, this.#literal()] };
    }
    throw this.#unexpected(isNot ? '"like", "in" or "between"' : '=, !=, >, >=, <, <=, ~, like, starts with, in, between, is null');
  }

  #path(): Path {
    const first = this.#name('a column');
    const rest: (string | number)[] = [];
    for (;;) {
      if (this.#takeMark('.')) rest.push(this.#name('a field'));
      else if (this.#takeMark('[')) {
        const token = this.#next;
        if (!/^\d+$/.test(token.text)) throw this.#unexpected('a number');
        this.#at++;
        rest.push(Number(token.text));
        this.#expectMark(']');
      } else return [first, ...rest];
    }
  }

  #name(wanted: string): string {
    const token = this.#next;
    const isName = token.kind === 'quoted' || (token.kind === 'word' && !KEYWORDS.has(token.value.toLowerCase()));
    if (!isName && !(token.kind === 'number' && /^\d+$/.test(token.text))) throw this.#unexpected(wanted);
    this.#at++;
    return token.value;
  }

  #list(): Operand[] {
    this.#expectMark('(');
    const operands = [this.#literal()];
    while (this.#takeMark(',')) operands.push(this.#literal());
    this.#expectMark(')');
    return operands;
  }

  #text(): string {
    const literal = this.#next;
    if (literal.kind !== 'text' && literal.kind !== 'word' && literal.kind !== 'number') throw this.#unexpected('a text in single quotes');
    if (literal.kind !== 'text') return this.#bare();
    this.#at++;
    return literal.value;
  }

  #literal(): Operand {
    const token = this.#next;
    if (token.kind === 'text') {
      this.#at++;
      return token.value;
    }
    if (token.kind === 'number') {
      this.#at++;
      return numberOf(token.value);
    }
    if (token.kind !== 'word' || KEYWORDS.has(token.value.toLowerCase())) throw this.#unexpected('a number, a text in single quotes, true or false');
    if (token.value.toLowerCase() === 'null') throw invalidExpression(this.#expression, token.at, 'nothing equals null; write "is null" or "is not null"');
    const word = this.#bare();
    return word === 'true' ? true : word === 'false' ? false : word;
  }

  /** A bare word goes on over points and colons without blanks: 10.0.0.1, a.b, 2024-01-01T00:00:00.5Z. */
  #bare(): string {
    const start = this.#next;
    this.#at++;
    let end = start.at + start.text.length;
    while (this.#next.at === end && this.#next.kind !== 'end' && (this.#next.text === '.' || this.#next.kind === 'word' || this.#next.kind === 'number')) {
      end += this.#next.text.length;
      this.#at++;
    }
    return this.#expression.slice(start.at, end);
  }

  get #next(): Token {
    return this.#tokens[this.#at] as Token;
  }

  /** Marks come one by one: two that touch are one sign only if there is such a sign. */
  #mark(): string {
    const following = this.#tokens[this.#at + 1];
    const touching = following?.kind === 'mark' && following.at === this.#next.at + this.#next.text.length && /[=<>~]/.test(following.text);
    return touching ? `${this.#next.text}${following.text}` : this.#next.text;
  }

  #markLength(): number {
    return this.#mark() === this.#next.text ? 1 : 2;
  }

  #takeMark(mark: string): boolean {
    if (this.#next.kind !== 'mark' || this.#next.text !== mark || this.#mark() !== mark) return false;
    this.#at++;
    return true;
  }

  #expectMark(mark: string): void {
    if (!this.#takeMark(mark)) throw this.#unexpected(`"${mark}"`);
  }

  #takeWord(word: string): boolean {
    if (this.#next.kind !== 'word' || this.#next.value.toLowerCase() !== word) return false;
    this.#at++;
    return true;
  }

  #unexpected(wanted: string): Error {
    const token = this.#next;
    const found = token.kind === 'end' ? 'the end' : token.kind === 'mark' ? this.#mark() : token.text;
    return invalidExpression(this.#expression, token.at, `found ${found}, wanted ${wanted}`);
  }
}

function numberOf(text: string): Operand {
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
  return isExactNumber(text.replace(/^(-?)\./, '$10.')) ? Number(text) : text;
}
