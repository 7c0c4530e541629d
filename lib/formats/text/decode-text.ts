import { MillraceError } from '../../errors.ts';
import { checkIsText } from './foreign-bytes.ts';
import { wideEncoding } from './likely-encoding.ts';
import { encodingInvalid, newlines } from './utf8.ts';

/** More than the longest character has: where such a piece fails, the character at fault began in it. */
const LONGEST_CHARACTER = 8;
/** So many bytes behind the last line end are kept to find a fault in; of a longer line only the piece is named. */
const KEPT_BYTES = 4 * 1024 * 1024;
const LF = 10;
const UTF32_MARKS = ['fffe0000', '0000feff'];
/** Text without a mark is taken for UTF-16 by so many of its first bytes. */
const LOOKED_AT_BYTES = 256;

export interface TextInput {
  /** UTF-8, as the formats read it. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Its name in the WHATWG Encoding Standard; known with the first of the chunks. Other than utf-8: the bytes are not those of the input. */
  readonly encoding: string;
}

/** What the bytes of an input are. */
export interface TextOptions {
  readonly file: string;
  /** Any label of the WHATWG Encoding Standard; undefined: UTF-8, or what the byte order mark says. */
  readonly encoding: string | undefined;
  /** False: a byte order mark is data, and says nothing. */
  readonly hasMark: boolean;
}

/**
 * The chunks of an input as UTF-8. Those of UTF-8 pass as they are, their byte order mark too; of UTF-16 with a mark, and of an encoding that is named, the
 * text is decoded and encoded again, across the borders of chunks, without the mark. A mark says more than the name.
 * ENCODING_INVALID, with the byte and the line, for bytes that are not of the encoding, and for UTF-16 and UTF-32 that nobody named.
 */
export function textInput(chunks: AsyncIterable<Uint8Array>, options: TextOptions): TextInput {
  const input = { chunks, encoding: encodingName(options.encoding) };
  input.chunks = decoded(chunks, options, encoding => (input.encoding = encoding));
  return input;
}

/** The name of the encoding that a label means; UTF-8 where there is none. */
export function encodingName(label: string | undefined): string {
  return new TextDecoder(label).encoding;
}

/** True for what Node decodes. */
export function isEncoding(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== '';
  } catch {
    return false;
  }
}

async function* decoded(
  chunks: AsyncIterable<Uint8Array>,
  { file, encoding, hasMark }: TextOptions,
  found: (encoding: string) => void,
): AsyncGenerator<Uint8Array> {
  let decode: TextPieces | undefined;
  let head: Uint8Array | undefined = new Uint8Array(0);
  const open = (first: Uint8Array): void => {
    checkIsText(first, file);
    const name = (hasMark ? markOf(first, file) : undefined) ?? encodingName(encoding);
    if (name === 'utf-8') checkNarrow(first, file);
    else decode = new TextPieces(name, file, hasMark);
    found(name);
  };
  for await (const chunk of chunks) {
    let next: Uint8Array = chunk;
    if (head?.length === 0 && chunk.length === 0) {
      yield chunk;
      continue;
    }
    if (head !== undefined) {
      // A copy: chunks are valid until the next one is asked for.
      next = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      if (next.length < 4 && chunk.length > 0) {
        head = Uint8Array.from(next);
        continue;
      }
      head = undefined;
      open(next);
    }
    const bytes = decode === undefined ? next : decode.piece(next);
    if (bytes.length > 0 || chunk.length === 0) yield bytes;
  }
  if (head !== undefined && head.length > 0) {
    open(head);
    const bytes = (decode as TextPieces | undefined)?.piece(head) ?? head;
    if (bytes.length > 0) yield bytes;
  }
  decode?.end();
}

/** The encoding that a byte order mark names. */
function markOf(bytes: Uint8Array, file: string): string | undefined {
  if (UTF32_MARKS.includes(Buffer.from(bytes.subarray(0, 4)).toString('hex')))
    throw new MillraceError('ENCODING_INVALID', `${file}: byte 0 begins a file in UTF-32, which is not read; convert it to UTF-8`);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  return bytes[0] === 0xff || bytes[0] === 0xfe ? wideEncoding(bytes.subarray(0, 2)) : undefined;
}

/** UTF-16 of Latin letters is valid UTF-8, with NULs. */
function checkNarrow(first: Uint8Array, file: string): void {
  const sample = first.subarray(0, LOOKED_AT_BYTES);
  if (sample.length < 4 || wideEncoding(sample) === undefined) return;
  const offset = sample[0] === 0xff || sample[0] === 0xfe ? 0 : sample.indexOf(0);
  throw encodingInvalid({ file, line: 1, offset }, sample);
}

/** Pieces of text of one encoding, cut anywhere. */
class TextPieces {
  // Always with `stream`: without it Node 20 takes windows-1252 for ISO 8859-1.
  readonly #decoder: InstanceType<typeof TextDecoder>;
  readonly #label: string;
  readonly #file: string;
  /** What was read since the last line end, with where that stood. */
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #keptLines = 0;
  #offset = 0;
  #line = 1;

  constructor(label: string, file: string, hasMark: boolean) {
    this.#label = label;
    this.#file = file;
    this.#decoder = this.#fresh(hasMark);
  }

  piece(chunk: Uint8Array): Uint8Array {
    let text: string;
    try {
      text = this.#decoder.decode(chunk, { stream: true });
    } catch (cause) {
      throw this.#fault(Buffer.concat([...this.#kept, chunk]), cause);
    }
    const bytes = Buffer.from(text);
    this.#keep(chunk, bytes);
    return bytes;
  }

  /** ENCODING_INVALID where the last character is cut off. */
  end(): void {
    try {
      this.#decoder.decode();
    } catch (cause) {
      throw this.#fault(Buffer.concat(this.#kept), cause);
    }
  }

  #fresh(hasMark = false): InstanceType<typeof TextDecoder> {
    return new TextDecoder(this.#label, { fatal: true, ignoreBOM: !hasMark });
  }

  /** Keeps what stands behind the last line end: there no character goes on. */
  #keep(chunk: Uint8Array, bytes: Uint8Array): void {
    const at = this.#lineEnd(chunk);
    this.#keptLines += newlines(bytes);
    if (at > 0 || this.#keptBytes > KEPT_BYTES) {
      this.#offset += this.#keptBytes + at;
      this.#line += this.#keptLines;
      this.#kept = [];
      this.#keptBytes = this.#keptLines = 0;
    }
    this.#kept.push(Uint8Array.prototype.slice.call(chunk, at));
    this.#keptBytes += chunk.length - at;
  }

  /** Behind the last LF of a chunk; in UTF-16 it has two bytes, in their places. 0 where there is none. */
  #lineEnd(chunk: Uint8Array): number {
    const label = this.#decoder.encoding;
    if (!label.startsWith('utf-16')) return chunk.lastIndexOf(LF) + 1;
    const odd = (this.#offset + this.#keptBytes) % 2;
    const [first, second] = label === 'utf-16le' ? [LF, 0] : [0, LF];
    for (let at = chunk.length - 2; at >= 0; at--) if (chunk[at] === first && chunk[at + 1] === second && at % 2 === odd) return at + 2;
    return 0;
  }

  /** Where the bytes since the last line end stop being of the encoding. */
  #fault(bytes: Uint8Array, cause: unknown): MillraceError {
    let [valid, faulty] = [0, bytes.length + 1];
    while (faulty - valid > 1) {
      const middle = (valid + faulty) >> 1;
      if (this.#accepts(bytes.subarray(0, middle))) valid = middle;
      else faulty = middle;
    }
    // Up to here it goes on as a character; where that one began, whole ones end.
    let start = Math.min(valid, bytes.length);
    while (start > Math.max(0, valid - LONGEST_CHARACTER) && !this.#accepts(bytes.subarray(0, start), true)) start--;
    const line = this.#line + newlines(Buffer.from(this.#fresh().decode(bytes.subarray(0, start), { stream: true })));
    const label = this.#decoder.encoding;
    return new MillraceError(
      'ENCODING_INVALID',
      `${this.#file}:${line}: byte ${this.#offset + start} is not ${label}; is the encoding another one, or the file cut off there?`,
      { cause },
    );
  }

  #accepts(bytes: Uint8Array, isWhole = false): boolean {
    const decoder = this.#fresh();
    try {
      decoder.decode(bytes, { stream: true });
      if (isWhole) decoder.decode();
      return true;
    } catch {
      return false;
    }
  }
}
