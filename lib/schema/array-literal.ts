import { MillraceError } from '../errors.ts';
import { type DataType, TEXT, typeName } from './types.ts';

/**
 * Array literals as PostgreSQL writes and reads them: `{1,NULL,"a b",{…}}`; box has `;` between its elements.
 * Source: https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO
 */
export function arrayLiteralPrinter(type: DataType, printElement: (value: unknown) => string): (value: unknown) => string {
  const delimiter = delimiterOf(type);
  const isDimension = dimensionTest(type);
  const print = (list: readonly unknown[]): string => {
    let literal = '{';
    for (let i = 0; i < list.length; i++) {
      const item = list[i];
      if (i > 0) literal += delimiter;
      if (item === null || item === undefined) literal += 'NULL';
      else if (isDimension(item)) literal += print(item);
      else literal += quotedElement(printElement(item), delimiter);
    }
    return `${literal}}`;
  };
  return value => {
    if (!Array.isArray(value)) throw new MillraceError('VALUE_INVALID', `a value cannot be of type ${typeName(type)}`);
    return print(value);
  };
}

/** Of arrays of JSON a list inside is an element; everywhere else it is a further dimension. */
export function dimensionTest({ element = TEXT }: DataType): (item: unknown) => item is unknown[] {
  const isJson = element.kind === 'json' || element.kind === 'jsonb';
  return (item): item is unknown[] => !isJson && Array.isArray(item);
}

export function delimiterOf({ element }: DataType): string {
  return element?.kind === 'other' && element.name?.replace(/^pg_catalog\./, '') === 'box' ? ';' : ',';
}

const NEEDS_QUOTES = /^$|^null$|[{}"\\ \t\n\r\v\f]/i;

/** An element as it stands in a literal. */
export function quotedElement(text: string, delimiter: string): string {
  if (!NEEDS_QUOTES.test(text) && !text.includes(delimiter)) return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * Reads an array literal. DATA_MALFORMED for what is none; VALUE_NOT_CARRIED for what a nested list cannot say (bounds other than 1, several
 * dimensions of JSON).
 */
export function arrayLiteralParser(type: DataType, parseElement: (text: string) => unknown): (text: string) => unknown[] {
  const delimiter = delimiterOf(type);
  const isOfJson = type.element?.kind === 'json' || type.element?.kind === 'jsonb';
  return text => {
    if (text.startsWith('['))
      throw new MillraceError('VALUE_NOT_CARRIED', `a value of type ${typeName(type)} has bounds of its own, which a list cannot keep`);
    const reader = new LiteralReader(text, delimiter, parseElement);
    const list = reader.read();
    if (list === undefined) throw new MillraceError('DATA_MALFORMED', `a text is no literal of type ${typeName(type)}`);
    if (isOfJson && reader.depth > 1)
      throw new MillraceError(
        'VALUE_NOT_CARRIED',
        `a value of type ${typeName(type)} has several dimensions, which a list of JSON cannot keep`,
      );
    return list;
  };
}

class LiteralReader {
  /** How many dimensions were found. */
  depth = 0;
  readonly #text: string;
  readonly #delimiter: string;
  readonly #parseElement: (text: string) => unknown;
  #at = 0;

  constructor(text: string, delimiter: string, parseElement: (text: string) => unknown) {
    this.#text = text;
    this.#delimiter = delimiter;
    this.#parseElement = parseElement;
  }

  /** The list, if all of the text is one. */
  read(): unknown[] | undefined {
    this.#blank();
    if (this.#text[this.#at] !== '{') return undefined;
    const list = this.#list(1);
    this.#blank();
    return this.#at === this.#text.length ? list : undefined;
  }

  /** From an open brace to behind its closing one. PostgreSQL has at most six dimensions. */
  #list(depth: number): unknown[] | undefined {
    if (depth > 6) return undefined;
    this.depth = Math.max(this.depth, depth);
    const list: unknown[] = [];
    this.#at++;
    this.#blank();
    if (this.#text[this.#at] === '}') return this.#closed(list);
    for (;;) {
      this.#blank();
      const item = this.#text[this.#at] === '{' ? this.#list(depth + 1) : this.#element();
      if (item === undefined) return undefined;
      list.push(item);
      this.#blank();
      const mark = this.#text[this.#at];
      if (mark === '}') return this.#closed(list);
      if (mark !== this.#delimiter) return undefined;
      this.#at++;
    }
  }

  #closed(list: unknown[]): unknown[] {
    this.#at++;
    return list;
  }

  /** Null for a bare NULL, undefined where there is no element. */
  #element(): unknown {
    if (this.#text[this.#at] === '"') {
      const text = this.#quoted();
      return text === undefined ? undefined : this.#parseElement(text);
    }
    const text = this.#bare();
    if (text === '') return undefined;
    return text.toUpperCase() === 'NULL' ? null : this.#parseElement(text);
  }

  #quoted(): string | undefined {
    const quoted = /"((?:[^"\\]|\\[^])*)"/y;
    quoted.lastIndex = this.#at;
    const match = quoted.exec(this.#text);
    if (match === null) return undefined;
    this.#at = quoted.lastIndex;
    return (match[1] as string).replace(/\\([^])/g, '$1');
  }

  #bare(): string {
    const bare = this.#delimiter === ',' ? /[^{}"\\,]*/y : /[^{}"\\;]*/y;
    bare.lastIndex = this.#at;
    const text = bare.exec(this.#text)?.[0] ?? '';
    this.#at = bare.lastIndex;
    // Only the server's own blanks: a no-break space is part of the element.
    return text.replace(/[ \t\n\r\v\f]+$/, '');
  }

  #blank(): void {
    while (this.#at < this.#text.length && ' \t\n\r\v\f'.includes(this.#text[this.#at] as string)) this.#at++;
  }
}
