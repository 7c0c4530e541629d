import { MillraceError } from '../../errors.ts';
import { JsonNull, JsonNumber } from '../../values/json.ts';
import { Timestamp } from '../../values/timestamp.ts';
import { TAG } from './value-tags.ts';

/** Deeper than any record is: one that contains itself never ends. */
const MAX_DEPTH = 2000;

/** Values of records as bytes, none of the value table changed: what ValueReader reads is what was written. */
export class ValueWriter {
  bytes: Buffer;
  at = 0;
  #view: DataView;
  #depth = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** VALUE_NOT_CARRIED for a function, a symbol, an object of a class that is not in the value table. */
  value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        return this.text(value);
      case 'number':
        return this.#number(value);
      case 'boolean':
        return this.#tag(value ? TAG.true : TAG.false);
      case 'undefined':
        return this.#tag(TAG.undefined);
      case 'bigint':
        this.#tag(TAG.bigint);
        return this.text(String(value));
      case 'object':
        return value === null ? this.#tag(TAG.null) : this.#object(value);
      default:
        throw notCarried(typeof value);
    }
  }

  /** Units of less than 256 take a byte each, others two: halves of characters stay what they are. */
  text(text: string): void {
    const { length } = text;
    this.reserve(5 + length * 2);
    const head = this.at;
    let at = head + 5;
    if (length <= SHORT_TEXT) {
      let i = 0;
      for (; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 255) break;
        this.bytes[at++] = unit;
      }
      if (i === length) return this.#textHead(TAG.latin1, length, at);
    } else if (!WIDE.test(text)) return this.#textHead(TAG.latin1, length, at + this.bytes.write(text, at, 'latin1'));
    at = head + 5;
    this.#textHead(TAG.utf16, length, at + this.bytes.write(text, at, 'utf16le'));
  }

  /** Bytes as they are, without a head. */
  copy(bytes: Uint8Array, from: number, to: number): void {
    const count = to - from;
    this.reserve(count);
    if (count > SHORT_COPY) this.bytes.set(bytes.subarray(from, to), this.at);
    else for (let i = 0, { at } = this; i < count; i++) this.bytes[at + i] = bytes[from + i] as number;
    this.at += count;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.#view.setUint32(this.at, value);
    this.at += 4;
  }

  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + count));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  #textHead(tag: number, length: number, end: number): void {
    this.bytes[this.at] = tag;
    this.#view.setUint32(this.at + 1, length);
    this.at = end;
  }

  #tag(tag: number): void {
    this.reserve(1);
    this.bytes[this.at++] = tag;
  }

  #number(value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#tag(TAG.int32);
      this.reserve(4);
      this.#view.setInt32(this.at, value);
      this.at += 4;
    } else {
      this.#tag(TAG.double);
      this.#double(value);
    }
  }

  #double(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.at, value);
    this.at += 8;
  }

  #object(value: object): void {
    if (value instanceof Timestamp) return this.#timestamp(value);
    if (value instanceof Uint8Array) return this.#bytes(value);
    if (value instanceof JsonNumber) {
      this.#tag(TAG.jsonNumber);
      return this.text(value.text);
    }
    if (value === JsonNull) return this.#tag(TAG.jsonNull);
    if (++this.#depth > MAX_DEPTH) throw new MillraceError('VALUE_INVALID', 'a value contains itself, or is nested too deep');
    this.#nested(value);
    this.#depth--;
  }

  #nested(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (Array.isArray(value)) {
      this.#tag(TAG.list);
      this.uint32(value.length);
      for (const item of value as unknown[]) this.value(item);
    } else if (prototype === Object.prototype || prototype === null) {
      this.#tag(prototype === null ? TAG.bareObject : TAG.object);
      this.#entries(Object.entries(value));
    } else if (prototype === Date.prototype) {
      this.#tag(TAG.date);
      this.#double((value as Date).getTime());
    } else if (prototype === Map.prototype) {
      this.#tag(TAG.map);
      this.#entries([...(value as Map<unknown, unknown>)]);
    } else if (prototype === Set.prototype) {
      this.#tag(TAG.set);
      this.value([...(value as Set<unknown>)]);
    } else throw notCarried(`an object of the class ${value.constructor.name}`);
  }

  #entries(entries: readonly (readonly [unknown, unknown])[]): void {
    this.uint32(entries.length);
    for (const [key, item] of entries) {
      this.value(key);
      this.value(item);
    }
  }

  #timestamp(value: Timestamp): void {
    if (value.isInfinite) return this.#tag(value.valueOf() > 0 ? TAG.infinity : TAG.negativeInfinity);
    this.#tag(TAG.timestamp);
    this.#double(value.getTime());
    this.#double(value.micros);
  }

  #bytes(value: Uint8Array): void {
    this.#tag(Buffer.isBuffer(value) ? TAG.buffer : TAG.bytes);
    this.uint32(value.length);
    this.reserve(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }
}

/** Up to so many units a loop is cheaper than a call. */
const SHORT_TEXT = 40;
const SHORT_COPY = 64;
const WIDE = /[^\0-\xff]/;

function notCarried(what: string): MillraceError {
  return new MillraceError(
    'VALUE_NOT_CARRIED',
    `a value cannot be put aside on disk: ${what}; make it a plain value before, or raise stateMemory so that all records stay in memory`,
  );
}
