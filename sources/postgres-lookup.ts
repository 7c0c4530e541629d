import { z } from 'zod';
import { describeTable, fieldOf } from '../lib/clients/postgres/catalogue/describe.ts';
import { limited } from '../lib/clients/postgres/connection/connect.ts';
import { connectionFields, type PgTarget } from '../lib/clients/postgres/connection/connection-options.ts';
import type { WithMeans } from '../lib/clients/postgres/connection/given-means.ts';
import { splitMeans, targetOf } from '../lib/clients/postgres/connection/means.ts';
import { openPool } from '../lib/clients/postgres/connection/pool.ts';
import { withSession } from '../lib/clients/postgres/connection/session.ts';
import type { AnyRow, SourceContext } from '../lib/core/define.ts';
import type { Finder, FinderContext, OpenFinder } from '../lib/core/finder.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { checkOptions } from '../lib/core/run/stage.ts';
import { MillraceError, suggestion } from '../lib/errors.ts';
import { quoteIdentifier } from '../lib/values/identifiers.ts';
import { postgresKind } from './postgres.ts';

const optionsSchema = z.strictObject({
  ...connectionFields,
  table: z.string().min(1).describe('a table or view: customers, crm.customers, "Odd.Schema"."T"'),
  int8: z.enum(['number', 'bigint']).default('number').describe('what int8 becomes in a record; number refuses a value past 2^53'),
  numeric: z.enum(['text', 'number']).default('text').describe('what numeric becomes in a record: its digits, or the nearest number'),
});
type LookupTableOptions = WithMeans<z.input<typeof optionsSchema>>;

/**
 * Where the operator `lookup` finds records by their keys: a table or view, in one query a batch (`key = ANY($1)`), of the columns that are wanted alone. Each query sees what is
 * committed then. Connections come from the pool that the process shares for this configuration, and are closed with the run. The key needs an index.
 * Errors: those of the source postgres; COLUMN_UNKNOWN.
 */
export function lookup<Row extends object = Record<string, unknown>>(given: LookupTableOptions): Finder<Row> {
  checkArgument('postgres.lookup', 'options', given, 'object');
  const { options: text, means } = splitMeans<z.input<typeof optionsSchema>>(given);
  const options = checkOptions('postgres.lookup', optionsSchema, text);
  return {
    open: async context => (await openTable({ ...options, means }, targetOf(options, means), context)) as unknown as OpenFinder<Row>,
  };
}

type Options = z.output<typeof optionsSchema> & { readonly means: ReturnType<typeof splitMeans>['means'] };

async function openTable(options: Options, target: PgTarget, { key, columns, signal }: FinderContext): Promise<OpenFinder<AnyRow>> {
  const pool = openPool(target);
  try {
    const { fields, statement } = await prepared(options, target, { key, columns, signal });
    return {
      fields,
      find: keys =>
        rowsOf(
          options,
          statement,
          key.map(name => keys.map(each => each[name])),
          signal,
        ),
      close: () => pool.close(),
    };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** The statement for keys of these columns, which are parameters, and the columns that it gives. */
function prepared({ table }: Options, target: PgTarget, { key, columns, signal }: FinderContext) {
  return withSession(target, { doing: `reading about table ${table}`, signal }, async ({ client }) => {
    const relation = await describeTable(client, table, target);
    const known = relation.columns.map(({ name }) => name);
    const wanted = [...new Set([...key, ...columns])];
    const unknown = wanted.find(name => !known.includes(name));
    if (unknown !== undefined)
      throw new MillraceError('COLUMN_UNKNOWN', `table ${table} has no column ${JSON.stringify(unknown)}${suggestion(unknown, known)}`);
    const from = `SELECT ${wanted.map(quoteIdentifier).join(', ')} FROM ${relation.name} WHERE`;
    const [only = '', ...others] = key.map(quoteIdentifier);
    if (others.length === 0) return { fields: relation.columns.map(fieldOf), statement: `${from} ${only} = ANY($1)` };
    const { rows } = await client.query<{ name: string; type: string }>(
      limited(
        'SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0',
        [relation.name],
      ),
    );
    const lists = key.map((name, i) => `$${i + 1}::${rows.find(row => row.name === name)?.type ?? 'text'}[]`);
    const all = [only, ...others].join(', ');
    return { fields: relation.columns.map(fieldOf), statement: `${from} (${all}) IN (SELECT * FROM unnest(${lists.join(', ')}))` };
  });
}

/** By the source: values are what it makes of them. */
async function rowsOf(
  { table: _, means, ...options }: Options,
  query: string,
  values: readonly unknown[],
  signal: AbortSignal,
): Promise<AnyRow[]> {
  const checked = checkOptions('postgres', postgresKind.definition.options, { ...options, query, values });
  const context: SourceContext = {
    signal,
    batchRows: 4096,
    batchBytes: 1024 * 1024,
    counted: () => undefined,
    expects: () => undefined,
    warn: () => undefined,
  };
  const rows: AnyRow[] = [];
  for await (const batch of postgresKind.definition.read(checked, context, { means })) rows.push(...batch.rows);
  return rows;
}
