import { MillraceError } from '../../errors.ts';

interface Signature {
  /** What begins with these bytes, at 0. */
  readonly bytes: readonly number[];
  readonly what: string;
  readonly advice: string;
}

const ascii = (text: string): number[] => [...Buffer.from(text)];

/**
 * Beginnings of files that are no text, whatever they are named.
 * Source: RFC 1952 2.3.1, RFC 8878 3.1.1, https://en.wikipedia.org/wiki/List_of_file_signatures, https://parquet.apache.org/docs/file-format/
 */
const SIGNATURES: readonly Signature[] = [
  { bytes: [0x1f, 0x8b, 0x08], what: 'gzip data', advice: 'name it with .gz at the end, or give the option compression: gzip' },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], what: 'zstd data', advice: 'decompress it before: zstd cannot be read yet' },
  { bytes: [...ascii('BZh')], what: 'bzip2 data', advice: 'decompress it before (bunzip2): bzip2 is not read' },
  { bytes: [0xfd, ...ascii('7zXZ'), 0], what: 'xz data', advice: 'decompress it before (unxz): xz is not read' },
  {
    bytes: [...ascii('PK'), 3, 4],
    what: 'a zip archive, or a file of Excel or LibreOffice',
    advice: 'unpack it, or save the sheet as CSV',
  },
  { bytes: [0xd0, 0xcf, 0x11, 0xe0], what: 'a file of an old Office program', advice: 'save the sheet as CSV' },
  { bytes: ascii('PAR1'), what: 'a Parquet file', advice: 'Parquet is not read yet: write it as CSV or NDJSON before' },
  { bytes: ascii('ARROW1'), what: 'an Arrow file', advice: 'Arrow is not read: write it as CSV or NDJSON before' },
  { bytes: ascii('Obj\u0001'), what: 'an Avro file', advice: 'Avro is not read: write it as CSV or NDJSON before' },
  { bytes: ascii('SQLite format 3\0'), what: 'an SQLite database', advice: 'write its table as CSV or NDJSON before' },
];

const LOOKED_AT_BYTES = 64;

/** DATA_MALFORMED where the beginning of a text is that of a file of another kind: what it is, and what to do. */
export function checkIsText(first: Uint8Array, file: string): void {
  const head = first.subarray(0, LOOKED_AT_BYTES);
  // The letters alone may well begin a text.
  const isBinary = head.some(byte => byte < 0x09 || (byte > 0x0d && byte < 0x20) || byte > 0x7f);
  const found = isBinary ? SIGNATURES.find(({ bytes }) => bytes.every((byte, at) => head[at] === byte)) : undefined;
  if (found !== undefined) throw new MillraceError('DATA_MALFORMED', `${file}: it is ${found.what}, and no text; ${found.advice}`);
}
