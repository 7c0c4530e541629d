export interface SampleDialect {
  /** One character each. */
  readonly delimiter: string;
  readonly quote: string;
  /** LF stands for CRLF too. */
  readonly lineEnd: '\n' | '\r';
}

export interface SampleField {
  readonly text: string;
  readonly isQuoted: boolean;
}
export type SampleRecord = readonly SampleField[];

/**
 * The records at the beginning of a file, read strictly, without empty lines; undefined where they are not of this dialect (a quote out of place).
 * `isWhole`: the text does not stop in the middle; else its last record is left out. For a look only: files are read by others.
 */
export function sampleRecords(
  text: string,
  { delimiter, quote, lineEnd }: SampleDialect,
  { isWhole, most }: { isWhole: boolean; most: number },
): SampleRecord[] | undefined {
  const records: SampleRecord[] = [];
  let record: SampleField[] = [];
  let at = 0;
  while (at < text.length && records.length < most) {
    const isQuoted = text[at] === quote;
    const end = isQuoted ? closingQuote(text, at, quote) : fieldEnd(text, at, delimiter, lineEnd);
    if (end < 0) return isWhole ? undefined : records;
    const raw = isQuoted ? text.slice(at + 1, end - 1).replaceAll(quote + quote, () => quote) : text.slice(at, end);
    // The CR of CRLF is none of the field's.
    const next = lineEnd === '\n' && text[end] === '\r' && isQuoted ? end + 1 : end;
    const closes = text[next] === lineEnd || next >= text.length;
    if (!closes && text[next] !== delimiter) return undefined;
    if (!isQuoted && raw.includes(quote)) return undefined;
    record.push({ text: closes && !isQuoted && lineEnd === '\n' ? raw.replace(/\r$/, '') : raw, isQuoted });
    at = next + 1;
    const isCut = at >= text.length && !(closes && next < text.length);
    if (isCut && !isWhole) return records;
    // A delimiter at the very end of the text begins an empty field.
    if (!closes && at >= text.length) record.push({ text: '', isQuoted: false });
    if (!closes && at < text.length) continue;
    const isBlank = record.length === 1 && record[0]?.text === '' && !record[0].isQuoted;
    if (!isBlank) records.push(record);
    record = [];
  }
  return records;
}

function fieldEnd(text: string, from: number, delimiter: string, lineEnd: string): number {
  let at = from;
  while (at < text.length && text[at] !== delimiter && text[at] !== lineEnd) at++;
  return at;
}

/** Behind the quote that closes the field; -1 where the text ends before. */
function closingQuote(text: string, from: number, quote: string): number {
  let at = from + 1;
  for (;;) {
    at = text.indexOf(quote, at);
    if (at < 0) return -1;
    if (text[at + 1] !== quote) return at + 1;
    at += 2;
  }
}
