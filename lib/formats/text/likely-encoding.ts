const NUL = 0;
/** Enough to tell: of more only the beginning is looked at. */
const SAMPLE_BYTES = 16 * 1024;

/**
 * The encoding that bytes which are no UTF-8 most probably have; a guess, for messages only. UTF-16 has a byte order mark or, of Latin text,
 * every other byte 0; East Asian and Cyrillic text decodes to the letters that are most used there; all else is Western.
 */
export function likelyEncoding(bytes: Uint8Array): string {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  return wideEncoding(sample) ?? CANDIDATES.find(candidate => fits(candidate, sample))?.label ?? western(sample);
}

/** UTF-16 by its byte order mark or its zeros; undefined where it is none. */
export function wideEncoding(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  let even = 0;
  let odd = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== NUL) continue;
    if (i % 2 === 0) even++;
    else odd++;
  }
  if ((even + odd) * 3 < bytes.length || bytes.length < 2) return undefined;
  return odd >= even ? 'utf-16le' : 'utf-16be';
}

interface Candidate {
  readonly label: string;
  /** What texts in this encoding are mostly made of, beyond ASCII: in the text, or in the bytes. */
  readonly usual: RegExp;
  readonly in: 'text' | 'bytes';
  /** The least share of it among the characters beyond ASCII. */
  readonly share: number;
  /** What does not stand in such texts. */
  readonly never: RegExp;
}

const NO_LETTERS = /[\u0080-\u009f\ue000-\uf8ff]/;
const NOT_JAPANESE = /[\u0080-\u009f\ue000-\uf8ff\uff61-\uff9f]/;
const CANDIDATES: readonly Candidate[] = [
  // Japanese text has kana between its characters; half-width ones are what other encodings look like.
  { label: 'shift_jis', usual: /[\u3040-\u30ff]/g, in: 'text', share: 0.25, never: NOT_JAPANESE },
  { label: 'euc-jp', usual: /[\u3040-\u30ff]/g, in: 'text', share: 0.25, never: NOT_JAPANESE },
  { label: 'euc-kr', usual: /[\uac00-\ud7a3]/g, in: 'text', share: 0.8, never: NO_LETTERS },
  // The characters in daily use stand in these rows of GB 2312.
  { label: 'gb18030', usual: /[\xb0-\xd7][\xa1-\xfe]/g, in: 'bytes', share: 0.6, never: NO_LETTERS },
  { label: 'windows-1251', usual: /[\u0430-\u044f]/g, in: 'text', share: 0.6, never: /[\u0430-\u044f][\u0410-\u042f]/ },
];

/** Decoded without an error, and for the most part what such text is made of. A character that the sample cuts off does not count. */
function fits({ label, usual, in: where, share, never }: Candidate, sample: Uint8Array): boolean {
  try {
    const text = new TextDecoder(label, { fatal: true }).decode(sample, { stream: true });
    const beyond = text.match(/[^\0-\x7f]/g)?.length ?? 0;
    const found = (where === 'text' ? text : Buffer.from(sample).toString('latin1')).match(usual)?.length ?? 0;
    return beyond >= 2 && !never.test(text) && found >= beyond * share;
  } catch {
    return false;
  }
}

/** windows-1252 uses 0x80 to 0x9f for signs; latin1 leaves them to controls that nobody writes. */
function western(bytes: Uint8Array): string {
  return bytes.some(byte => byte >= 0x80 && byte < 0xa0) ? 'windows-1252' : 'latin1';
}
