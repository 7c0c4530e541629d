import { csvOptions, GUESS_BYTES, guessDialect, type GuessedDialect } from '../../formats/csv/index.ts';
import type { TextInput } from '../../formats/text/decode-text.ts';
import { contentOf } from './content.ts';
import { type Encoding, encodingOf, type FileOptions } from './options.ts';

export interface Guessing {
  readonly signal: AbortSignal;
  readonly maxRatio: number;
}

/** How a file is read. */
export interface Guessed {
  readonly encoding: Encoding;
  /** What its beginning tells of a dialect that nobody named. */
  readonly guessed: GuessedDialect;
}

export async function guessedEncoding(path: string, options: FileOptions, { signal, maxRatio }: Guessing): Promise<Guessed> {
  const encoding = encodingOf(path, options);
  if (!isGuessed(encoding, options)) return { encoding, guessed: {} };
  const { head, isWhole } = await beginning(contentOf(path, encoding, { signal, maxRatio }).chunks[Symbol.asyncIterator]());
  const guessed = guessOf(head, isWhole, encoding, options);
  return { encoding: encodingOf(path, options, guessed), guessed };
}

/** The same of what can be read once only: its beginning is given on with the rest. */
export async function guessedContent(
  path: string,
  options: FileOptions,
  content: (encoding: Encoding) => TextInput,
): Promise<Guessed & { readonly content: TextInput }> {
  const encoding = encodingOf(path, options);
  const input = content(encoding);
  if (!isGuessed(encoding, options)) return { encoding, guessed: {}, content: input };
  const iterator = input.chunks[Symbol.asyncIterator]();
  const { head, isWhole, chunks } = await beginning(iterator, false);
  const guessed = guessOf(head, isWhole, encoding, options);
  return {
    encoding: encodingOf(path, options, guessed),
    guessed,
    content: { encoding: input.encoding, chunks: resumed(chunks, iterator) },
  };
}

/** What was guessed, for a person; nothing where all is as by default. */
export function describeGuess({ delimiter, quote, recordDelimiter, headers }: GuessedDialect): string {
  const parts = [
    ...(delimiter === undefined ? [] : [`delimiter ${delimiter === '\t' ? 'tab' : `"${delimiter}"`}`]),
    ...(quote === undefined ? [] : [`quote ${quote}`]),
    ...(recordDelimiter === undefined ? [] : ['lines end with CR']),
    ...(headers === undefined ? [] : ['the first line has no names: headers false']),
  ];
  return parts.join(', ');
}

function isGuessed({ format: { name } }: Encoding, { delimiter, headers, quote, recordDelimiter }: FileOptions): boolean {
  return (name === 'csv' || name === 'tsv') && [delimiter, headers, quote, recordDelimiter].some(option => option === undefined);
}

function guessOf(head: Uint8Array, isWhole: boolean, { format: { name } }: Encoding, options: FileOptions): GuessedDialect {
  const given = Object.fromEntries(Object.entries(options).filter(([option]) => Object.hasOwn(csvOptions.shape, option)));
  return guessDialect(head, isWhole, name === 'tsv' ? { delimiter: '\t', ...given } : given);
}

interface Beginning {
  readonly head: Uint8Array;
  readonly isWhole: boolean;
  readonly chunks: readonly Uint8Array[];
}

const LF = 10;

/** Enough to guess by. Of what pauses: two lines, for whoever types them waits for an answer. */
async function beginning(iterator: AsyncIterator<Uint8Array>, isClosed = true): Promise<Beginning> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let isWhole = false;
  try {
    while (bytes < GUESS_BYTES) {
      const next = await iterator.next();
      isWhole = next.done === true;
      if (next.done === true) break;
      // A copy: chunks are valid until the next one is asked for.
      chunks.push(Uint8Array.from(next.value));
      bytes += next.value.length;
      if (next.value.length === 0 && Buffer.concat(chunks).filter(byte => byte === LF).length >= 2) break;
    }
  } finally {
    if (isClosed) await iterator.return?.(undefined);
  }
  const head = Buffer.concat(chunks);
  return { head: head.subarray(0, GUESS_BYTES), isWhole: isWhole && head.length <= GUESS_BYTES, chunks };
}

async function* resumed(chunks: readonly Uint8Array[], iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.(undefined);
  }
}
