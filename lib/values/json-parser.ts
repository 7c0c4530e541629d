import { MillraceError } from '../errors.ts';
import { isExactNumber, JsonNumber } from './json-number.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

interface Container {
  readonly parent: Container | undefined;
  readonly list: unknown[] | undefined;
  readonly object: Record<string, unknown> | undefined;
  key: string;
}

/**
 * Parses JSON exactly, for the few documents that JSON.parse would change: long numbers become JsonNumber. It keeps its own stack, so a deep
 * text does not exhaust JavaScript's. Accepts what JSON.parse accepts and nothing else; of a key that comes twice the last counts.
 */
export class JsonParser {
  readonly #text: string;
  #at = 0;
  #container: Container | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** The value; DATA_MALFORMED, without a word of the text, when it is no JSON. */
  parse(): unknown {
    for (;;) {
      const value = this.#scalarOrOpened();
      if (value === OPENED) continue;
      const whole = this.#placed(value);
      if (whole !== UNFINISHED) return whole;
    }
  }

  /** A scalar, an empty list or object; or OPENED, when a container with something in it begins here. */
  #scalarOrOpened(): unknown {
    switch (this.#next()) {
      case OPEN_OBJECT:
        this.#at++;
        if (this.#skips(CLOSE_OBJECT)) return {};
        this.#container = { parent: this.#container, list: undefined, object: {}, key: this.#key() };
        return OPENED;
      case OPEN_LIST:
        this.#at++;
        if (this.#skips(CLOSE_LIST)) return [];
        this.#container = { parent: this.#container, list: [], object: undefined, key: '' };
        return OPENED;
      case QUOTE:
        return this.#string();
      default:
        return this.#numberOrWord();
    }
  }

  /** Puts a finished value into its container, closes all containers that end behind it; the whole value at the end of the text. */
  #placed(finished: unknown): unknown {
    let value = finished;
    for (;;) {
      const container = this.#container;
      const mark = this.#next();
      if (container === undefined) {
        if (this.#at < this.#text.length) throw malformed();
        return value;
      }
      if (container.list !== undefined) container.list.push(value);
      else setKey(container.object as Record<string, unknown>, container.key, value);
      this.#at++;
      if (mark === COMMA) {
        if (container.object !== undefined) container.key = this.#key();
        return UNFINISHED;
      }
      if (mark !== (container.list === undefined ? CLOSE_OBJECT : CLOSE_LIST)) throw malformed();
      value = container.list ?? container.object;
      this.#container = container.parent;
    }
  }

  #key(): string {
    if (this.#next() !== QUOTE) throw malformed();
    const key = this.#string();
    if (!this.#skips(COLON)) throw malformed();
    return key;
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const quote = this.#text.indexOf('"', this.#at);
      if (quote < 0) throw malformed();
      let slashes = 0;
      while (this.#text[quote - 1 - slashes] === '\\') slashes++;
      this.#at = quote + 1;
      if (slashes % 2 === 0) return parsed(this.#text.slice(start, this.#at)) as string;
    }
  }

  #numberOrWord(): unknown {
    const token = /-?\d[\d.eE+-]*|true|false|null/y;
    token.lastIndex = this.#at;
    const text = token.exec(this.#text)?.[0];
    if (text === undefined) throw malformed();
    this.#at += text.length;
    const value = parsed(text);
    return typeof value === 'number' && !isExactNumber(text) ? new JsonNumber(text) : value;
  }

  #skips(mark: number): boolean {
    const isThere = this.#next() === mark;
    if (isThere) this.#at++;
    return isThere;
  }

  /** The next character that is no blank; NaN at the end. */
  #next(): number {
    for (;;) {
      const char = this.#text.charCodeAt(this.#at);
      if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return char;
      this.#at++;
    }
  }
}

const OPENED = Symbol('opened');
const UNFINISHED = Symbol('unfinished');

function setKey(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

/** A string, a number or a word, judged by JSON.parse. */
function parsed(token: string): unknown {
  try {
    return JSON.parse(token);
  } catch {
    throw malformed();
  }
}

export function malformed(): MillraceError {
  return new MillraceError('DATA_MALFORMED', 'a JSON text is malformed');
}
