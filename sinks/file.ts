import { z } from 'zod';
import { stands } from '../lib/clients/file/kept-file.ts';
import { checkEncoding, codecsOf, encodingOf, fileFields } from '../lib/clients/file/options.ts';
import { planFile } from '../lib/clients/file/plan-file.ts';
import { isSpecialFile } from '../lib/clients/file/special-file.ts';
import { openFileSink } from '../lib/clients/file/sink-writer.ts';
import type { Sink } from '../lib/core/contracts.ts';
import { defineSink } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { canAppendTo } from '../lib/formats/compression.ts';
import { encodingName } from '../lib/formats/text/decode-text.ts';

const options = z
  .strictObject({
    ...fileFields,
    mode: z
      .enum(['create', 'append', 'replace'])
      .default('create')
      .describe('create: the file must not be there; append and replace make it where it is not'),
    lossy: z
      .array(z.string())
      .readonly()
      .default([])
      .describe('columns of JSON whose value null may be written as NULL, of NDJSON and JSON; the report counts them'),
  })
  .refine(checkEncoding);

export type FileSinkOptions<Row> = Omit<z.input<typeof options>, 'path' | 'lossy'> & { readonly lossy?: readonly (keyof Row & string)[] };

/**
 * Into a file, or to standard output (`-`). Format and compression by extension: csv, tsv, ndjson (jsonl), json, each with gz or br.
 * All or nothing: written beside its place, fsynced, put there as a whole when the run has ended well. `append` writes behind what is there and
 * cuts it back when the run fails; CSV goes under the header that is there. Standard output, pipes and devices can take nothing back.
 * NDJSON and JSON take records of any shape; CSV has the columns of the schema. JSON's own null is refused in NDJSON and JSON, which have one null
 * only; of the columns that `lossy` names it becomes NULL, and the report has a warning with the count.
 * Errors: EXISTS, NOT_FOUND (the folder), NOT_PERMITTED, DISK_FULL, IO_FAILED; SCHEMA_MISMATCH where other columns stand there; COLUMN_UNKNOWN,
 * OPTION_INVALID of `lossy`. A record with a value that has no text in the format is a reject: VALUE_INVALID, VALUE_NOT_CARRIED.
 */
export function file<Row = object>(path: string, more: FileSinkOptions<Row> = {}): Sink<Row> {
  checkArgument('file', 'more', more, 'object');
  return fileKind.create({ path, ...more }, undefined);
}

export const fileKind = defineSink<typeof options>({
  kind: 'file',
  keepsNothing: true,
  options,
  needsSchema: given => encodingOf(given.path, given).format.needsSchema,
  takes: given => (encodingName(given.encoding) === 'utf-8' ? codecsOf(given) : []),
  guarantee: 'all-or-nothing',
  states: {
    goesBack: given => given.path !== '-' && canAppendTo(encodingOf(given.path, given).compression),
    stands: ({ path }, state, { jobId }) => stands(path, jobId, state),
  },
  takesBack: async ({ path }) => path !== '-' && !(await isSpecialFile(path)),
  plan: (given, context) => planFile(given, encodingOf(given.path, given), context),
  open: openFileSink,
  title: ({ path }) => path,
});
