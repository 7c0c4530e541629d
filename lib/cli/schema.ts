import path from 'node:path';
import { take } from '../../operators/take.ts';
import { parseAddress } from '../config/addresses.ts';
import { loadSource } from '../config/places.ts';
import { runStages } from '../core/run/pipeline.ts';
import { MillraceError } from '../errors.ts';
import { SCHEMA_FORMS } from '../schema/forms/index.ts';
import type { ExitStatus } from './exit.ts';
import type { SchemaOptions } from './options.ts';
import { type FoundSchema, schemaKind } from './schema-sink.ts';
import { listenForSignals } from './signals.ts';

/** So many records decide types that nobody declared. */
const SAMPLE_RECORDS = 10_000;

/** Forms that tell what functions get, where the columns of CSV are text; the others tell what a table of them would have. */
const OF_RECORDS: ReadonlySet<SchemaOptions['as']> = new Set(['typescript', 'zod'] as const);

/** `millrace schema FROM`: the columns and their types, as a list or in a form for other programs. */
export async function schema(from: string, { as, fromFormat }: SchemaOptions): Promise<ExitStatus> {
  const source = await loadSource(from, { format: fromFormat, defaults: { int8: 'bigint' } });
  const found: FoundSchema = { schema: undefined, typed: undefined };
  const stopping = listenForSignals(() => undefined);
  try {
    const run = { drain: stopping.drain, signal: stopping.abort };
    await runStages([source, take(SAMPLE_RECORDS), schemaKind.create({}, found)], run);
  } finally {
    stopping.release();
  }
  const columns = OF_RECORDS.has(as) ? found.schema : found.typed;
  if (columns === undefined)
    throw new MillraceError('SCHEMA_UNKNOWN', `${from}: there is no record, and nothing else says which columns there are`);
  process.stdout.write(`${SCHEMA_FORMS[as](columns, nameOf(from))}\n`);
  return stopping.status() ?? 0;
}

/** What a table or type of these records would be called: the table's name, or the file's without its extensions. */
function nameOf(from: string): string {
  const { kind, options } = parseAddress(from, 'source');
  const { table, path: file } = options;
  if (table !== undefined) return table.split('.').at(-1)?.replaceAll('"', '') ?? table;
  if (kind === 'file' && file !== undefined && file !== '-' && !/[*?[{]/.test(file))
    return path.basename(file).replace(/\..*$/s, '') || 'records';
  return 'records';
}
