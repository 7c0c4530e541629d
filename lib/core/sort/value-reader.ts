import { MillraceError } from '../../errors.ts';
import { JsonNull, JsonNumber } from '../../values/json.ts';
import { Timestamp } from '../../values/timestamp.ts';
import { TAG } from './value-tags.ts';

/** Reads what ValueWriter wrote. */
export class ValueReader {
  at = 0;
  readonly #bytes: Buffer;
  readonly #view: DataView;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  uint32(): number {
    const value = this.#view.getUint32(this.at);
    this.at += 4;
    return value;
  }

  value(): unknown {
    const tag = this.#bytes[this.at++];
    switch (tag) {
      case TAG.undefined:
        return undefined;
      case TAG.null:
        return null;
      case TAG.true:
        return true;
      case TAG.false:
        return false;
      case TAG.int32: {
        const value = this.#view.getInt32(this.at);
        this.at += 4;
        return value;
      }
      case TAG.double:
        return this.#double();
      case TAG.bigint:
        return BigInt(this.value() as string);
      case TAG.latin1: {
        const start = this.at + 4;
        this.at = start + this.uint32();
        return this.#bytes.toString('latin1', start, this.at);
      }
      case TAG.utf16: {
        const start = this.at + 4;
        this.at = start + this.uint32() * 2;
        return this.#bytes.toString('utf16le', start, this.at);
      }
      default:
        return this.#object(tag);
    }
  }

  #object(tag: number | undefined): unknown {
    switch (tag) {
      case TAG.timestamp: {
        const ms = this.#double();
        return new Timestamp(ms, this.#double());
      }
      case TAG.infinity:
        return Timestamp.INFINITY;
      case TAG.negativeInfinity:
        return Timestamp.NEGATIVE_INFINITY;
      case TAG.date:
        return new Date(this.#double());
      case TAG.buffer:
        return Buffer.from(this.#slice());
      case TAG.bytes:
        return Uint8Array.from(this.#slice());
      case TAG.jsonNumber:
        return new JsonNumber(this.value() as string);
      case TAG.jsonNull:
        return JsonNull;
      case TAG.list:
        return Array.from({ length: this.uint32() }, () => this.value());
      case TAG.object:
        return this.#fields({});
      case TAG.bareObject:
        return this.#fields(Object.create(null) as object);
      case TAG.map:
        return new Map(Array.from({ length: this.uint32() }, () => [this.value(), this.value()] as const));
      case TAG.set:
        return new Set(this.value() as unknown[]);
      default:
        throw new MillraceError('INTERNAL', `no value begins with the byte ${String(tag)}`);
    }
  }

  /** `__proto__` is a field like any other. */
  #fields(object: object): object {
    for (let left = this.uint32(); left > 0; left--) {
      const name = this.value() as string;
      const value = this.value();
      if (name === '__proto__') Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
      else (object as Record<string, unknown>)[name] = value;
    }
    return object;
  }

  #double(): number {
    const value = this.#view.getFloat64(this.at);
    this.at += 8;
    return value;
  }

  #slice(): Buffer {
    const length = this.uint32();
    const start = this.at;
    this.at += length;
    return this.#bytes.subarray(start, this.at);
  }
}
