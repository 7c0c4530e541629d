import { z } from 'zod';
import type { DatabaseDefinition } from '../lib/clients/postgres/catalogue/definition/read-database.ts';
import { connectionFields, resolveTarget } from '../lib/clients/postgres/connection/connection-options.ts';
import { DatabaseWriter } from '../lib/clients/postgres/write/database-writer.ts';
import type { Sink } from '../lib/core/contracts.ts';
import { defineSink } from '../lib/core/define.ts';
import type { SinkParts, SinkPartsContext } from '../lib/core/parts.ts';
import { sinkStage } from '../lib/core/run/stage.ts';
import { MillraceError } from '../lib/errors.ts';
import { postgresKind } from './postgres.ts';

const options = z.strictObject({
  ...connectionFields,
  mode: z
    .enum(['create', 'append', 'replace'])
    .default('create')
    .describe(
      'create: none of the tables may be there. append: adds to those that are. replace: empties those first. All make what is not there',
    ),
  parallel: z.number().int().min(1).max(16).default(2).describe('tables at a time'),
  stopOnFailure: z.boolean().default(false).describe('a table that fails stops the others'),
});

type TablesOptions = z.input<typeof options>;
type CheckedOptions = z.output<typeof options>;

/**
 * A whole database, or a part of one, as `from.postgres.tables` gives it: schemas and types, then tables, each with its rows, keys and indexes in a
 * transaction of its own; then foreign keys, views, the state of sequences and comments. A table that fails is not there afterwards, and neither is
 * what hangs on it; the others are. Errors: EXISTS, with all names, before the first row; NOT_PERMITTED; the code of the first table that failed.
 */
export function tables<Row>(given: TablesOptions): Sink<Row> {
  return postgresTablesKind.create<Row>(given, undefined);
}

export const postgresTablesKind = defineSink<typeof options>({
  kind: 'postgres-tables',
  options,
  guarantee: 'all-or-nothing',
  parts,
  open: () =>
    Promise.reject(
      new MillraceError('PIPELINE_INVALID', 'whole databases go from tables to tables; name the table that takes the records'),
    ),
  title: ({ mode }) => `a database, mode ${mode}`,
});

async function parts(given: CheckedOptions, { signal, whole, warn }: SinkPartsContext): Promise<SinkParts> {
  const { mode, parallel: _parallel, stopOnFailure: _stop, ...connection } = given;
  const writer = await DatabaseWriter.open(resolveTarget(given), whole as DatabaseDefinition, { mode, signal, warn });
  return {
    sink: ({ name }) => {
      const { table, hooks } = writer.part(name);
      return sinkStage(postgresKind.definition, { ...connection, table, mode: 'append' }, { hooks });
    },
    finish: written => writer.finish(written),
    close: () => writer.close(),
  };
}
