import { z } from 'zod';
import { optionIssue } from '../../core/run/option-issue.ts';
import type { Codec } from '../../core/batch/batch.ts';
import { MillraceError, nearestName } from '../../errors.ts';
import { type Compression, COMPRESSIONS, compressionOf } from '../../formats/compression.ts';
import { csvOptions, type GuessedDialect } from '../../formats/csv/index.ts';
import { type Format, formatByExtension, type FormatName, formatOf, FORMATS, optionNamesOf } from '../../formats/index.ts';
import { isEncoding } from '../../formats/text/decode-text.ts';
import { isPattern } from './files.ts';

/** The options of a dialect, none of them with a default: so it is seen which were given. What the default is, their description says. */
type Given<Shape> = { [Name in keyof Shape]: Shape[Name] extends z.ZodDefault<infer Inner> ? z.ZodOptional<Inner> : Shape[Name] };

function given<Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape): Given<Shape> {
  const fields = Object.entries(shape).map(([name, field]) => [name, field instanceof z.ZodDefault ? withoutDefault(field) : field]);
  return Object.fromEntries(fields) as Given<Shape>;
}

/** What would be its default is told, but not filled in. */
function withoutDefault(field: z.ZodDefault): z.ZodType {
  const fallback = `${JSON.stringify(field.def.defaultValue)} by default`;
  return (field.unwrap() as z.ZodType)
    .optional()
    .describe(field.description === undefined ? fallback : `${field.description}; ${fallback}`);
}

/** The options of a file, as a source and as a sink; those of csv and tsv under their own names (`csvOptions`). */
export const fileFields = {
  path: z.string().min(1).describe('of a file; a source may be a pattern; - is standard input or output'),
  format: z.enum(FORMATS).optional().describe('by extension by default; ndjson for -'),
  compression: z
    .enum([...COMPRESSIONS, 'gz', 'br'])
    .optional()
    .describe('by extension by default'),
  encoding: z
    .string()
    .refine(isEncoding, {
      error: ({ input }) => `${JSON.stringify(input)} is no encoding that is known here; write utf8, latin1, utf-16le, …`,
    })
    .optional()
    .describe('any label of the WHATWG Encoding Standard; UTF-8 by default, or what the byte order mark of a source says'),
  ...given(csvOptions.shape),
};

export type FileOptions = z.output<z.ZodObject<typeof fileFields>>;

/** How the bytes of a file are to be read or written. */
export interface Encoding {
  readonly format: Format;
  readonly compression: Compression;
  /** As its label says it; undefined where nobody did. */
  readonly text: string | undefined;
  /** False where a byte order mark is data. True where one is to be written, if that was asked for. */
  readonly mark: boolean | undefined;
}

const ALIASES: Readonly<Record<string, Compression>> = { gz: 'gzip', br: 'brotli' };

/**
 * Format and compression of a file: those that are named, else those of its extension; what was guessed of its dialect fills in what is not
 * given. ADDRESS_INVALID where neither says it, OPTION_INVALID for a dialect that cannot be, OPTION_UNKNOWN for an option that the format does
 * not have.
 */
export function encodingOf(path: string, options: FileOptions, guessed: GuessedDialect = {}): Encoding {
  const named = options.compression;
  const byPath = path === '-' || named !== undefined ? undefined : compressionOf(path);
  const compression = named === undefined ? (byPath?.compression ?? 'none') : (ALIASES[named] ?? (named as Compression));
  const format = options.format ?? (path === '-' ? 'ndjson' : formatByExtension(byPath?.rest ?? withoutCompression(path)));
  if (format === undefined) {
    throw new MillraceError(
      'ADDRESS_INVALID',
      `${path}: its name does not say what format it has${nearFormat(byPath?.rest ?? path)}; name it with the option format: ${FORMATS.join(', ')}`,
    );
  }
  return {
    compression,
    format: formatOf(format, { ...guessed, ...dialectOf(path, format, options) }),
    text: options.encoding,
    mark: options.bom,
  };
}

/** Encodings in which the records of such a file pass as they are; none where only the names of the files will say which format they have. */
export function codecsOf(options: FileOptions): readonly Codec[] {
  if (options.format === undefined && isPattern(options.path) && formatByExtension(withoutCompression(options.path)) === undefined)
    return [];
  const { codec } = encodingOf(options.path, options).format;
  return codec === undefined ? [] : [codec];
}

/** For the end of a strictObject of options: what is wrong with them is known before anything is opened. */
export function checkEncoding(options: FileOptions): boolean {
  if (options.format !== undefined || options.path === '-' || !isPattern(options.path)) encodingOf(options.path, options);
  return true;
}

/** ` (did you mean ".csv"?)` for `users.cvs`. */
function nearFormat(path: string): string {
  const near = nearestName(/\.([^./\\]+)$/.exec(path)?.[1] ?? '', FORMATS);
  return near === undefined ? '' : ` (did you mean ".${near}"?)`;
}

function withoutCompression(path: string): string {
  return path.replace(/\.(gz|br|zst|deflate|zz)$/i, '');
}

/** The options that were given of those that a format may have. */
function dialectOf(path: string, format: FormatName, options: FileOptions): z.input<typeof csvOptions> {
  const known = optionNamesOf(format);
  const dialect = Object.entries(options).filter(([name, value]) => Object.hasOwn(csvOptions.shape, name) && value !== undefined);
  const foreign = dialect.find(([name]) => !known.includes(name));
  if (foreign !== undefined)
    throw new MillraceError('OPTION_UNKNOWN', `file: option ${JSON.stringify(foreign[0])} is one of csv and tsv, but ${path} is ${format}`);
  const checked = csvOptions.safeParse(Object.fromEntries(dialect));
  if (checked.success) return Object.fromEntries(dialect);
  const [issue] = checked.error.issues;
  throw new MillraceError(
    'OPTION_INVALID',
    `file: ${issue === undefined ? 'invalid options' : optionIssue(issue, Object.fromEntries(dialect))}`,
  );
}
