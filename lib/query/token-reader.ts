import type { MillraceError } from '../errors.ts';
import { invalidExpression } from './invalid-expression.ts';
import { type Token, tokensOf } from './lexer.ts';

/** The tokens of an expression, one after the other, and the errors that point at them. */
export class TokenReader {
  readonly expression: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(expression: string) {
    this.expression = expression;
    this.#tokens = tokensOf(expression);
  }

  get next(): Token {
    return this.#tokens[this.#at] as Token;
  }

  /** The next token, which is then behind; the end stays. */
  take(): Token {
    const token = this.next;
    if (token.kind !== 'end') this.#at++;
    return token;
  }

  /** Whether the next token is this keyword, in any case. */
  isWord(word: string): boolean {
    return this.next.kind === 'word' && this.next.text.toLowerCase() === word;
  }

  takeWord(word: string): boolean {
    const isThere = this.isWord(word);
    if (isThere) this.take();
    return isThere;
  }

  takeMark(mark: string): boolean {
    const isThere = this.next.kind === 'mark' && this.next.text === mark;
    if (isThere) this.take();
    return isThere;
  }

  expectWord(word: string): void {
    if (!this.takeWord(word)) throw this.unexpected(word);
  }

  expectMark(mark: string): void {
    if (!this.takeMark(mark)) throw this.unexpected(mark);
  }

  /** Names the next token, and what could stand there. */
  unexpected(expected: string): MillraceError {
    const { kind, start, end } = this.next;
    const shown = kind === 'end' ? 'the expression ends' : `unexpected ${this.expression.slice(start, Math.min(end, start + 40))}`;
    return this.invalid(this.next, `${shown}, expected ${expected}`);
  }

  invalid(token: Token, problem: string): MillraceError {
    return invalidExpression(this.expression, token.start, token.end, problem);
  }
}
