import { isUtf8 } from 'node:buffer';
import { CsvError, type InfoField, Parser } from 'csv-parse';
import type { MillraceError } from '../../errors.ts';
import type { Unmarked } from '../text/byte-order-mark.ts';
import { encodingInvalid, firstInvalidByte, newlines, unfinishedBytes } from '../text/utf8.ts';
import { malformed, openQuote, quoteInField, textAfterQuote, tooLarge } from './malformed.ts';
import { type CsvOptions, list } from './options.ts';

/** A record as csv-parse found it; `nextLine` and `offset` stand behind it, the offset counted from where parsing began. */
export interface ParsedRecord {
  readonly fields: (string | null)[];
  readonly line: number;
  readonly nextLine: number;
  readonly offset: number;
  /** An empty line. */
  readonly isBlank: boolean;
  /** A field outside quotes has a CR. */
  readonly hasBareCr: boolean;
}

export interface ParseContext {
  readonly file: string;
  /** The line of the first byte. */
  readonly line: number;
  readonly maxRecordBytes: number;
}

/** The records of each chunk, by csv-parse, none where no more come for now; those before a fault before the error. All of its errors as ours. */
export async function* parseRecords(input: Unmarked, options: CsvOptions, context: ParseContext): AsyncGenerator<ParsedRecord[]> {
  const parse = new DialectParser(options, context);
  const encoding = new EncodingCheck(context.line);
  const place = () => ({ file: context.file, line: encoding.line, offset: encoding.offset + input.skipped });
  try {
    for await (const chunk of input.chunks) {
      if (chunk.length === 0) yield [];
      const valid = encoding.validBytes(chunk);
      yield* parse.write(chunk.subarray(0, valid));
      if (valid < chunk.length) throw encodingInvalid(place(), chunk.subarray(valid));
      if (parse.isStopped) return;
    }
    if (encoding.unfinished > 0) throw encodingInvalid(place(), new Uint8Array(0));
    yield* parse.end();
  } finally {
    parse.destroy();
  }
}

class DialectParser {
  readonly #parser: Parser;
  readonly #context: ParseContext;
  #records: ParsedRecord[] = [];
  #line: number;
  #twice = 0;
  #hasBareCr = false;
  #isEmptyField = false;

  constructor(options: CsvOptions, context: ParseContext) {
    this.#context = context;
    this.#line = context.line;
    const signs = list(options.recordDelimiter ?? ['\r\n', '\n']);
    const newline = signs.some(sign => /[\r\n]/.test(sign)) ? 1 : 0;
    this.#parser = new Parser({
      ...parserOptions(options, context.line),
      max_record_size: context.maxRecordBytes,
      cast: (text: string, field: InfoField) => this.#cast(text, field.quoting, options.nullText),
      on_record: (fields: unknown, info) => {
        this.#add(fields as (string | null)[], { lines: info.lines, bytes: info.bytes }, newline);
        return null;
      },
    });
    onlyQuoting(this.#parser);
    // Errors come back from write and end as well.
    this.#parser.on('error', () => undefined);
    this.#parser.resume();
  }

  /** Behind `toLine`. */
  get isStopped(): boolean {
    return this.#parser.writableEnded;
  }

  async *write(chunk: Uint8Array): AsyncGenerator<ParsedRecord[]> {
    if (chunk.length > 0) yield* this.#step(done => this.#parser.write(chunk, done));
  }

  async *end(): AsyncGenerator<ParsedRecord[]> {
    if (!this.isStopped) yield* this.#step(done => this.#parser.end(done));
  }

  destroy(): void {
    this.#parser.destroy();
  }

  async *#step(start: (done: (error?: Error | null) => void) => void): AsyncGenerator<ParsedRecord[]> {
    const error = await new Promise<Error | null | undefined>(resolve => start(resolve));
    const records = this.#records;
    this.#records = [];
    if (records.length > 0) yield records;
    if (error !== undefined && error !== null) throw this.#asOurs(error);
  }

  #cast(text: string, isQuoted: boolean, nullText: string): string | null {
    this.#isEmptyField = text === '' && !isQuoted;
    if (isQuoted) return text;
    if (text.includes('\r')) this.#hasBareCr = true;
    return text === nullText ? null : text;
  }

  #add(fields: (string | null)[], { lines, bytes }: { lines: number; bytes: number }, newline: number): void {
    // csv-parse counts CRLF in quotes as two line ends.
    for (const field of fields) if (field?.includes('\r\n') === true) this.#twice += field.split('\r\n').length - 1;
    const nextLine = this.#context.line - 1 + lines + newline - this.#twice;
    this.#records.push({
      fields,
      line: this.#line,
      nextLine,
      offset: bytes,
      isBlank: fields.length === 1 && this.#isEmptyField,
      hasBareCr: this.#hasBareCr,
    });
    this.#line = nextLine;
    this.#hasBareCr = false;
  }

  /** csv-parse's messages and errors hold what stands in the file: neither is passed on. */
  #asOurs(error: Error): MillraceError {
    const { file, maxRecordBytes } = this.#context;
    const place = { file, line: this.#context.line - 1 + this.#parser.info.lines - this.#twice };
    const begun = { file, line: this.#line };
    switch (error instanceof CsvError ? error.code : '') {
      case 'CSV_QUOTE_NOT_CLOSED':
        return openQuote(begun);
      case 'CSV_INVALID_CLOSING_QUOTE':
      case 'CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE':
        return textAfterQuote(place);
      case 'INVALID_OPENING_QUOTE':
        return quoteInField(place);
      case 'CSV_MAX_RECORD_SIZE':
        return tooLarge(begun, maxRecordBytes, false);
      default:
        return malformed(place, `not of this dialect${error instanceof CsvError ? ` (${error.code})` : ''}`);
    }
  }
}

/**
 * csv-parse makes an object of some 20 properties for each field that is cast, nine tenths of all its work, and only one is read here.
 * This goes around it where the parser is built as in 7.0; where not, nothing changes but the time.
 */
function onlyQuoting(parser: Parser): void {
  const { api } = parser as unknown as { api?: { state?: { wasQuoting?: unknown }; __infoField?: () => object } };
  const state = api?.state;
  if (typeof api?.__infoField === 'function' && typeof state?.wasQuoting === 'boolean')
    api.__infoField = () => ({ quoting: state.wasQuoting });
}

function parserOptions(options: CsvOptions, line: number): ConstructorParameters<typeof Parser>[0] {
  const { quote, escape, comment, fromLine, toLine, ignoreLastDelimiters } = options;
  return {
    bom: false,
    columns: false,
    delimiter: [...list(options.delimiter)],
    quote: quote === false ? null : quote,
    escape: escape ?? (quote === false ? null : quote),
    record_delimiter: [...list(options.recordDelimiter ?? ['\r\n', '\n'])],
    relax_column_count: true,
    relax_quotes: options.relaxQuotes,
    skip_empty_lines: options.skipEmptyLines,
    skip_records_with_empty_values: options.skipRecordsWithEmptyValues,
    trim: options.trim,
    ltrim: options.ltrim || options.trim,
    rtrim: options.rtrim || options.trim,
    ...(comment === undefined ? {} : { comment, comment_no_infix: options.commentNoInfix }),
    ...(ignoreLastDelimiters === undefined ? {} : { ignore_last_delimiters: ignoreLastDelimiters }),
    ...(fromLine > line ? { from_line: fromLine - line + 1 } : {}),
    ...(toLine === undefined ? {} : { to_line: Math.max(1, toLine - line + 1) }),
  };
}

/** UTF-8 across chunks that are cut inside characters. */
class EncodingCheck {
  /** The bytes and lines before the first invalid one. */
  offset = 0;
  line: number;
  #begun = new Uint8Array(0);

  constructor(line: number) {
    this.line = line;
  }

  get unfinished(): number {
    return this.#begun.length;
  }

  /** How many bytes of this chunk are valid so far. */
  validBytes(chunk: Uint8Array): number {
    const joined = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    const unfinished = unfinishedBytes(joined);
    const whole = joined.subarray(0, joined.length - unfinished);
    const valid = isUtf8(whole) ? undefined : firstInvalidByte(whole);
    this.line += newlines(whole, valid);
    if (valid !== undefined) {
      this.offset += valid;
      return Math.max(0, valid - this.#begun.length);
    }
    this.offset += whole.length;
    this.#begun = Uint8Array.from(joined.subarray(whole.length));
    return chunk.length;
  }
}
