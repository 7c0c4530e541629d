import { isAscii } from 'node:buffer';
import { MillraceError } from '../../errors.ts';
import { encodingName } from './decode-text.ts';

/** Another encoding than UTF-8, to be written. */
export interface CharacterSet {
  /** Its name in the WHATWG Encoding Standard. */
  readonly name: string;
  /** The byte order mark, where the encoding has one. */
  readonly mark: Uint8Array | undefined;
  /** VALUE_NOT_CARRIED where well-formed UTF-8 has a character that the encoding lacks. */
  check(bytes: Uint8Array, start: number, end: number): void;
  /** Well-formed UTF-8 in this encoding. Of what was checked nothing is lacking. */
  encode(utf8: Uint8Array): Uint8Array;
}

/** What a file is written in; undefined for UTF-8. OPTION_INVALID for an encoding that can only be read. */
export function characterSet(label: string | undefined): CharacterSet | undefined {
  const name = encodingName(label);
  if (name === 'utf-8') return undefined;
  if (name === 'utf-16le' || name === 'utf-16be') return utf16(name);
  const table = tables.get(name) ?? makeTable(name);
  tables.set(name, table);
  return ofTable(name, table);
}

function utf16(name: 'utf-16le' | 'utf-16be'): CharacterSet {
  const order = (bytes: Buffer): Uint8Array => (name === 'utf-16be' ? bytes.swap16() : bytes);
  return {
    name,
    mark: order(Buffer.from('\ufeff', 'utf16le')),
    check: () => undefined,
    encode: utf8 => order(Buffer.from(textOf(utf8), 'utf16le')),
  };
}

/** The bytes of each character beyond ASCII, as one big-endian number; 0: it has none. */
interface Table {
  readonly plane: Uint32Array;
  /** Of characters beyond the first plane. */
  readonly others: ReadonlyMap<number, number>;
}

const tables = new Map<string, Table>();

/** Made of what the decoder reads, so that what is written is read as it was: of two forms of one character the first. */
function makeTable(name: string): Table {
  if (STATEFUL.has(name))
    throw new MillraceError('OPTION_INVALID', `encoding ${JSON.stringify(name)} can be read, but not written; use utf-8`);
  const plane = new Uint32Array(0x10000);
  const others = new Map<number, number>();
  const add = (...bytes: number[]): void => {
    const text = decoded(name, bytes);
    const point = text.codePointAt(0);
    if (point === undefined || point < 0x80 || point === REPLACEMENT || String.fromCodePoint(point) !== text) return;
    const packed = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    if (point < 0x10000) plane[point] ||= packed;
    else if (!others.has(point)) others.set(point, packed);
  };
  for (let byte = 0x80; byte < 0x100; byte++) add(byte);
  if (MULTIBYTE.has(name)) for (let lead = 0x81; lead < 0xff; lead++) for (let trail = 0x40; trail < 0xff; trail++) add(lead, trail);
  if (name === 'gb18030') for (let index = 0; index < FOUR_BYTES; index++) add(...fourBytes(index));
  return { plane, others };
}

const REPLACEMENT = 0xfffd;
const STATEFUL: ReadonlySet<string> = new Set(['iso-2022-jp', 'replacement', 'x-user-defined']);
const MULTIBYTE: ReadonlySet<string> = new Set(['shift_jis', 'euc-jp', 'euc-kr', 'gbk', 'gb18030', 'big5']);
/** Of the first plane; those of the others follow a rule. */
const FOUR_BYTES = 39_420;
const FOUR_BYTES_OF_OTHERS = 189_000;

/** Source: https://encoding.spec.whatwg.org/#gb18030-encoder */
function fourBytes(index: number): [number, number, number, number] {
  const part = (divisor: number): number => Math.floor(index / divisor);
  return [part(12_600) + 0x81, (part(1260) % 10) + 0x30, (part(10) % 126) + 0x81, (index % 10) + 0x30];
}

/** With `stream`: without it Node 20 takes windows-1252 for ISO 8859-1. */
function decoded(name: string, bytes: readonly number[]): string {
  const decoder = new TextDecoder(name, { ignoreBOM: true });
  return decoder.decode(Uint8Array.from(bytes), { stream: true }) + decoder.decode();
}

function ofTable(name: string, { plane, others }: Table): CharacterSet {
  const packed = (point: number): number =>
    point < 0x80 ? point : point < 0x10000 ? (plane[point] as number) : (others.get(point) ?? beyond(name, point));
  return {
    name,
    mark: undefined,
    check(bytes, start, end) {
      let at = start;
      while (at < end && (bytes[at] as number) < 0x80) at++;
      if (at === end) return;
      for (const character of textOf(bytes.subarray(at, end))) {
        const point = character.codePointAt(0) as number;
        if (point >= 0x80 && packed(point) === 0) throw new MillraceError('VALUE_NOT_CARRIED', `a text has a character that ${name} lacks`);
      }
    },
    encode(utf8) {
      if (isAscii(utf8)) return utf8;
      const text = textOf(utf8);
      // No character takes more than 4 bytes, and one of 4 is beyond the first plane or of gb18030.
      const out = Buffer.allocUnsafeSlow(text.length * (name === 'gb18030' ? 4 : 2));
      let at = 0;
      for (const character of text) {
        const code = packed(character.codePointAt(0) as number);
        if (code > 0xffffff) out[at++] = code >>> 24;
        if (code > 0xffff) out[at++] = code >>> 16;
        if (code > 0xff) out[at++] = code >>> 8;
        out[at++] = code;
      }
      return out.subarray(0, at);
    },
  };
}

/** gb18030 has all characters beyond the first plane, one after the other. */
function beyond(name: string, point: number): number {
  if (name !== 'gb18030') return 0;
  return fourBytes(FOUR_BYTES_OF_OTHERS + point - 0x10000).reduce((sum, byte) => sum * 256 + byte, 0);
}

function textOf(utf8: Uint8Array): string {
  return Buffer.from(utf8.buffer, utf8.byteOffset, utf8.byteLength).toString();
}
