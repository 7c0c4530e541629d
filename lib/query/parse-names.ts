import { MillraceError } from '../errors.ts';
import { pointAt } from './point-at.ts';

/** `id,name,"odd, ""name"""`: names of columns. `option` is how messages call the list. OPTION_INVALID points at the column. */
export function parseNames(text: string, option: string): string[] {
  const reader = { text, option, at: 0 };
  const names = [nameAt(reader, ',')];
  while (reader.at < text.length) {
    expect(reader, ',', 'a comma');
    names.push(nameAt(reader, ','));
  }
  return names;
}

/** `old=new,…` divided by `=`, `name:type,…` by `:`; each name on the left once. OPTION_INVALID points at the column. */
export function parsePairs(text: string, option: string, divider: '=' | ':'): Record<string, string> {
  const reader = { text, option, at: 0 };
  const pairs = new Map<string, string>();
  do {
    if (pairs.size > 0) expect(reader, ',', 'a comma');
    const start = reader.at;
    const left = nameAt(reader, `,${divider}`);
    if (pairs.has(left)) throw invalid(reader, start, `${JSON.stringify(left)} stands there twice, again`);
    expect(reader, divider, divider === '=' ? '"=", as in old=new,' : '":", as in column:type,');
    pairs.set(left, nameAt(reader, `,${divider}`));
  } while (reader.at < text.length);
  return Object.fromEntries(pairs);
}

interface Reader {
  readonly text: string;
  readonly option: string;
  /** Where the next name or divider begins. */
  at: number;
}

/** A name in double quotes, or bare up to one of `ends`; blanks around it don't belong to it. */
function nameAt(reader: Reader, ends: string): string {
  skipBlanks(reader);
  const { text, at } = reader;
  const name = text[at] === '"' ? quotedAt(reader) : bareAt(reader, ends);
  if (name === '' && text[at] !== '"') throw invalid(reader, at, 'expected a name');
  skipBlanks(reader);
  return name;
}

function quotedAt(reader: Reader): string {
  const match = /^"((?:[^"]|"")*)"/.exec(reader.text.slice(reader.at));
  if (match === null) throw invalid(reader, reader.at, 'a double quote is not closed, begun');
  reader.at += match[0].length;
  return (match[1] as string).replaceAll('""', '"');
}

function bareAt(reader: Reader, ends: string): string {
  const { text, at: start } = reader;
  while (reader.at < text.length && !ends.includes(text[reader.at] as string)) {
    if (text[reader.at] === '"') throw invalid(reader, reader.at, 'a double quote inside of a bare name');
    reader.at++;
  }
  return text.slice(start, reader.at).trim();
}

function expect(reader: Reader, sign: string, wanted: string): void {
  if (reader.text[reader.at] !== sign) throw invalid(reader, reader.at, `expected ${wanted}`);
  reader.at++;
}

function skipBlanks(reader: Reader): void {
  while (/\s/.test(reader.text[reader.at] ?? '')) reader.at++;
}

function invalid({ text, option }: Reader, at: number, problem: string): MillraceError {
  return new MillraceError('OPTION_INVALID', pointAt(option, text, at, at + 1, problem));
}
