import { z } from 'zod';
import type { DatabaseDefinition } from '../lib/clients/postgres/catalogue/definition/read-database.ts';
import { DATABASE_WORDS } from '../lib/clients/postgres/catalogue/part-words.ts';
import { connectionFields } from '../lib/clients/postgres/connection/connection-options.ts';
import type { ConnectionMeans, WithMeans } from '../lib/clients/postgres/connection/given-means.ts';
import { splitMeans, targetOf } from '../lib/clients/postgres/connection/means.ts';
import { DatabaseWriter } from '../lib/clients/postgres/write/database-writer.ts';
import { planDatabase } from '../lib/clients/postgres/write/plan-database.ts';
import type { Sink } from '../lib/core/contracts.ts';
import { defineSink } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import type { SinkParts, SinkPartsContext } from '../lib/core/parts.ts';
import { sinkStage } from '../lib/core/run/stage.ts';
import { MillraceError } from '../lib/errors.ts';
import { postgresKind } from './postgres.ts';

const options = z
  .strictObject({
    ...connectionFields,
    mode: z
      .enum(['create', 'append', 'replace'])
      .default('create')
      .describe(
        'create: none of the tables may be there. append: adds to those that are. replace: empties those first. All make what is not there',
      ),
    parallel: z.number().int().min(1).max(16).default(2).describe('tables, indexes or foreign keys at a time'),
    stopOnFailure: z.boolean().default(false).describe('a table that fails stops the others'),
    lossy: z
      .array(z.string())
      .readonly()
      .default([])
      .describe(
        'columns (orders.price, crm.orders.price) that may lose digits, or their time of day, where the table has a smaller type; the report counts them',
      ),
    indexes: z
      .enum(['keep', 'rebuild'])
      .default('keep')
      .describe('rebuild: secondary indexes of tables that are there are dropped before their load and built after it, in its transaction'),
    lockTimeoutMs: z.number().int().min(1).default(60_000).describe('milliseconds that a lock held by another session is waited for'),
  })
  .refine(({ mode, indexes }) => indexes === 'keep' || mode !== 'create', {
    path: ['indexes'],
    message: 'tables that are made get their indexes after their rows anyway',
  });

type TablesOptions = WithMeans<z.input<typeof options>>;
type CheckedOptions = z.output<typeof options>;

/**
 * A whole database, or a part of one, as `from.postgres.tables` gives it: schemas and types, then tables, each with its rows and keys in a
 * transaction of its own, and its other indexes after it; then foreign keys, views, the state of sequences and comments. A table that fails is not
 * there afterwards, and neither is what hangs on it; the others are. Abort takes away what the run has made; rows that were added to tables that
 * were there stay. Errors: EXISTS, with all names, and OPTION_INVALID (foreign keys that leave no order) and COLUMN_UNKNOWN (`lossy`) before the first row; NOT_PERMITTED; the
 * code of the first table that failed.
 */
export function tables<Row>(given: TablesOptions): Sink<Row> {
  checkArgument('postgres-tables', 'options', given, 'object');
  const { options: plain, means } = splitMeans<z.input<typeof options>>(given);
  return postgresTablesKind.create<Row>(plain, means);
}

export const postgresTablesKind = defineSink<typeof options, ConnectionMeans | undefined>({
  kind: 'postgres-tables',
  options,
  guarantee: 'at-least-once',
  parts: { words: DATABASE_WORDS, open: openParts },
  plan: (given, { signal, parts }, means) => {
    const { mode, lossy, indexes } = given;
    return planDatabase(targetOf(given, means), parts, { mode, lossy, indexes, signal });
  },
  open: () =>
    Promise.reject(
      new MillraceError('PIPELINE_INVALID', 'whole databases go from tables to tables; name the table that takes the records'),
    ),
  title: ({ mode }) => `a database, mode ${mode}`,
});

async function openParts(
  given: CheckedOptions,
  { signal, whole, warn }: SinkPartsContext,
  means: ConnectionMeans | undefined,
): Promise<SinkParts> {
  const { mode, parallel, stopOnFailure, lossy, indexes, ...ofTable } = given;
  const { lockTimeoutMs } = given;
  const wish = { mode, parallel, lockTimeoutMs, lossy, indexes, signal, warn };
  const writer = await DatabaseWriter.open(targetOf(given, means), whole as DatabaseDefinition, wish);
  return {
    parallel,
    stopOnFailure,
    after: ({ name }) => writer.after(name),
    sink: ({ name }) => {
      const { options: own, hooks } = writer.part(name);
      return sinkStage(postgresKind.definition, { ...ofTable, ...own }, { ...means, hooks });
    },
    steps: ({ name }) => writer.steps(name),
    finish: written => writer.finish(written),
    abandon: () => writer.abandon(),
    close: () => writer.close(),
  };
}
