import { z } from 'zod';

const text = (what: string) => z.string().min(1).describe(what);

/**
 * The dialect of a CSV or TSV file. The defaults are RFC 4180 with a header line; TSV is `{ delimiter: '\t' }`.
 * Source: https://csv.js.org/parse/options/ and RFC 4180.
 */
export const csvOptions = z
  .strictObject({
    delimiter: z
      .union([text('one delimiter'), z.array(text('one of several')).min(1)])
      .default(',')
      .describe('between fields; of several the first is written'),
    quote: z
      .union([text('a quote'), z.literal(false)])
      .default('"')
      .describe('around fields; false: quotes are data'),
    escape: text('an escape').optional().describe('before a quote inside quotes; the quote itself by default'),
    recordDelimiter: z
      .union([text('one'), z.array(text('one of several')).min(1)])
      .optional()
      .describe('LF and CRLF, mixed, by default; LF is written'),
    headers: z
      .union([z.boolean(), z.array(z.string()).min(1)])
      .default(true)
      .describe('true: names in the first line; false: column1, …; a list: these names, and no line of the file holds them'),
    nullText: z.string().default('').describe('how NULL stands, unquoted; the same text in quotes is text'),
    comment: text('a comment sign').optional().describe('what follows it is left out'),
    commentNoInfix: z.boolean().default(false).describe('only whole lines are comments'),
    trim: z.boolean().default(false).describe('blanks around fields are left out'),
    ltrim: z.boolean().default(false).describe('blanks before fields are left out'),
    rtrim: z.boolean().default(false).describe('blanks behind fields are left out'),
    skipEmptyLines: z.boolean().default(false).describe('also in a file of one column, where an empty line is NULL'),
    skipRecordsWithEmptyValues: z.boolean().default(false).describe('records whose fields are all empty are left out'),
    ignoreLastDelimiters: z.int().positive().optional().describe('so many columns: delimiters in the last one are data'),
    fromLine: z.int().positive().default(1).describe('the first line that counts'),
    toLine: z.int().positive().optional().describe('the last line that counts'),
    relaxQuotes: z.boolean().default(false).describe('a quote inside an unquoted field is data'),
    relaxColumnCount: z.boolean().default(false).describe('missing fields are NULL, surplus ones are left out'),
    relaxColumnCountLess: z.boolean().default(false).describe('missing fields are NULL'),
    relaxColumnCountMore: z.boolean().default(false).describe('surplus fields are left out'),
    bom: z
      .boolean()
      .default(true)
      .describe('a byte order mark at the beginning says the encoding and is left out; where true is given, one is written'),
  })
  .refine(hasDistinctSigns, 'delimiter, quote, comment and record delimiter are to differ, and none is to be a part of another')
  .refine(({ nullText, delimiter }) => !/["\r\n]/.test(nullText) && !list(delimiter).some(d => nullText.includes(d)), {
    path: ['nullText'],
    message: 'holds no delimiter, quote or line end',
  })
  .refine(({ nullText, trim, ltrim, rtrim }) => !(trim || ltrim || rtrim) || nullText === nullText.trim(), {
    path: ['nullText'],
    message: 'begins and ends with no blank where blanks are trimmed',
  });

/** Options as they are after their defaults. */
export type CsvOptions = z.output<typeof csvOptions>;

/** True where the own scanner reads the file: RFC 4180 with a delimiter of one byte. */
export function isPlain(options: CsvOptions): boolean {
  const { delimiter, quote, escape, recordDelimiter } = options;
  return (
    typeof delimiter === 'string' &&
    /^[^"\r\n\u0080-\uffff]$/.test(delimiter) &&
    quote === '"' &&
    (escape === undefined || escape === '"') &&
    recordDelimiter === undefined &&
    options.nullText === '' &&
    options.comment === undefined &&
    options.ignoreLastDelimiters === undefined &&
    options.fromLine === 1 &&
    options.toLine === undefined &&
    !(options.trim || options.ltrim || options.rtrim || options.skipRecordsWithEmptyValues || options.relaxQuotes) &&
    !(options.relaxColumnCount || options.relaxColumnCountLess || options.relaxColumnCountMore)
  );
}

/** One or several as several. */
export function list(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}

interface Signs {
  readonly delimiter: string | string[];
  readonly quote: string | false;
  readonly comment?: string | undefined;
  readonly recordDelimiter?: string | string[] | undefined;
}

/** No sign of one use is a part of one of another use: `|` before the record delimiter `||` would be both. */
function hasDistinctSigns({ delimiter, quote, comment, recordDelimiter }: Signs): boolean {
  const uses = [
    list(delimiter),
    quote === false ? [] : [quote],
    comment === undefined ? [] : [comment],
    list(recordDelimiter ?? ['\n', '\r\n']),
  ];
  return uses.every((signs, use) =>
    uses.every((others, other) => use === other || !signs.some(sign => others.some(longer => longer.includes(sign)))),
  );
}
