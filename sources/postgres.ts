import { createHash } from 'node:crypto';
import type pg from 'pg';
import { z } from 'zod';
import { connectionFields, describeTarget } from '../lib/clients/postgres/connection/connection-options.ts';
import type { ConnectionMeans, WithClient } from '../lib/clients/postgres/connection/given-means.ts';
import { splitClient, targetOf } from '../lib/clients/postgres/connection/means.ts';
import { type BuiltQuery, type ColumnShape, queryText, type RowOf } from '../lib/clients/postgres/read/built-query.ts';
import { CopyLayout } from '../lib/clients/postgres/read/copy-layout.ts';
import { PgCopyOrigin } from '../lib/clients/postgres/read/copy-origin.ts';
import { TableOrigin } from '../lib/clients/postgres/catalogue/table-origin.ts';
import { fieldOf } from '../lib/clients/postgres/catalogue/describe.ts';
import { planRead } from '../lib/clients/postgres/read/plan-read.ts';
import { type KeyedRead, keyedRead, READINGS_APART } from '../lib/clients/postgres/read/keyed-read.ts';
import { copyOut } from '../lib/clients/postgres/read/copy-out.ts';
import { openPool } from '../lib/clients/postgres/connection/pool.ts';
import { type Pushed, takeRequests } from '../lib/clients/postgres/read/pushdown.ts';
import { openReaders, readRanges } from '../lib/clients/postgres/read/parallel-read.ts';
import { readSince } from '../lib/clients/postgres/read/since-batches.ts';
import type { SinceWish } from '../lib/clients/postgres/read/since-column.ts';
import { planSince } from '../lib/clients/postgres/read/plan-since.ts';
import { prepareSince } from '../lib/clients/postgres/read/since-read.ts';
import type { TablePart } from '../lib/clients/postgres/read/table-part.ts';
import { doingOf, hasOrder, mayBeWrapped, type ReadPlan, readPlan, serverColumns } from '../lib/clients/postgres/read/read-plan.ts';
import { onSession, withSession } from '../lib/clients/postgres/connection/session.ts';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import type { Source } from '../lib/core/contracts.ts';
import {
  type Absorbed,
  type AnyBatch,
  defineSource,
  type DescribeContext,
  type PushRequest,
  type SourceContext,
} from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { MillraceError, suggestion } from '../lib/errors.ts';
import { Schema } from '../lib/schema/schema.ts';
import type { InferOut, StandardSchemaV1 } from '../lib/schema/standard-schema.ts';

const options = z
  .strictObject({
    ...connectionFields,
    table: z.string().min(1).optional().describe('a table or view: users, crm.users, "Odd.Schema"."T"'),
    query: z.string().min(1).optional().describe('instead of a table: a statement that gives rows'),
    values: z.array(z.unknown()).readonly().optional().describe('with a query: the values of $1, $2, …'),
    int8: z.enum(['number', 'bigint']).default('number').describe('what int8 becomes in a record; number refuses a value past 2^53'),
    numeric: z.enum(['text', 'number']).default('text').describe('what numeric becomes in a record: its digits, or the nearest number'),
    parallel: z
      .number()
      .int()
      .min(1)
      .max(16)
      .default(1)
      .describe('of a table: connections that read ranges of it at a time, all of them from one snapshot'),
    since: z
      .string()
      .min(1)
      .optional()
      .describe('of a table: only rows beyond the last run by this column: a time, a number, or a text that goes up'),
    overlap: z
      .union([z.number().min(0), z.string().min(1)])
      .optional()
      .describe('with since: so far behind the last value rows are read again: 90s, 10m, or a number; 0 where no row comes late'),
    lockTimeoutMs: z.number().int().min(1).default(60_000).describe('milliseconds that a lock held by another session is waited for'),
  })
  .refine(given => (given.table === undefined) !== (given.query === undefined), 'give either table or query: what is to be read?')
  .refine(({ table, since }) => since === undefined || table !== undefined, { path: ['since'], message: 'only a table can be followed' })
  .refine(({ since, overlap }) => overlap === undefined || since !== undefined, { path: ['overlap'], message: 'only since has an overlap' })
  .refine(({ since, parallel }) => since === undefined || parallel === 1, {
    path: ['parallel'],
    message: 'what is new is read by one connection, in the order of since',
  })
  .refine(({ query, values }) => values === undefined || query !== undefined, { path: ['values'], message: 'only a query has parameters' });

type PostgresOptions = z.input<typeof options>;
type CheckedOptions = z.output<typeof options>;
type ReadOptions = CheckedOptions & { readonly pushed?: Pushed };
interface Given {
  readonly schema?: StandardSchemaV1 | undefined;
  readonly shape?: readonly ColumnShape[] | undefined;
  readonly means?: ConnectionMeans | undefined;
  /** As a part of a whole database. */
  readonly part?: TablePart | undefined;
}
/** In code a query may also be one of a query builder; password and socket may be functions. */
type CodeOptions<Row = unknown> = Omit<WithClient<PostgresOptions>, 'query' | 'since'> & {
  readonly query?: string | BuiltQuery | undefined;
  readonly since?: (keyof NoInfer<Row> & string) | undefined;
};

/**
 * The rows of a table, view or query, by COPY in binary (a query with `values` as itself, in the same form). A batch stays bytes until somebody
 * looks; columns that nobody needs are not read. One snapshot: rows that change meanwhile are as they were at the start. With `parallel`
 * several connections read a table, a range of its key or of its blocks at a time; its rows come in no order. Types that have no value of their
 * own in the value table come as the text that PostgreSQL prints. A query may be one of a query builder (Kysely, Drizzle, anything with
 * `compile()` or `toSQL()`): the type of its rows is that of the source. A `schema` gives the type of the rows (it validates nothing;
 * `validate` does) and is compared by name. Memory: one batch in hand, one made ahead, of each connection. Abort and early end cancel the
 * running statement.
 * Errors: UNREACHABLE, AUTHENTICATION_FAILED, NOT_FOUND, NOT_PERMITTED, OPTION_INVALID (the query), SCHEMA_MISMATCH, TIMEOUT, CONNECTION_LOST,
 * VALUE_INVALID (an int8 past 2^53 that is decoded).
 */
export function postgres<S extends StandardSchemaV1>(options: CodeOptions<InferOut<S>> & { readonly schema: S }): Source<InferOut<S>>;
export function postgres<Query extends BuiltQuery>(options: CodeOptions & { readonly query: Query }): Source<RowOf<Query>>;
export function postgres<Row = Record<string, unknown>>(options: CodeOptions<Row>): Source<Row>;
export function postgres<Row>(given: CodeOptions<Record<string, unknown>> & { readonly schema?: StandardSchemaV1 }): Source<Row> {
  checkArgument('postgres', 'options', given, 'object');
  const { schema, query, ...rest } = given;
  const { options, means } = splitClient<Omit<PostgresOptions, 'query'>>(rest);
  if (means.client !== undefined && (options.parallel ?? 1) !== 1)
    throw new MillraceError('OPTION_INVALID', 'postgres: option "client" is one connection; leave option "parallel" out');
  if (means.client !== undefined && options.since !== undefined)
    throw new MillraceError(
      'OPTION_INVALID',
      'postgres: option "since": what may still be committed is asked for before a transaction begins; give an address instead of option "client"',
    );
  if (typeof query !== 'object')
    return postgresKind.create<Row>({ ...options, ...(query === undefined ? {} : { query }) }, { schema, means });
  if (rest.values !== undefined) throw new MillraceError('OPTION_INVALID', 'postgres: option "values": the query of a builder has its own');
  const { shape, ...text } = queryText(query);
  return postgresKind.create<Row>({ ...text, ...options }, { schema, shape, means });
}

export const postgresKind = defineSource<typeof options, Given>({
  kind: 'postgres',
  options,
  describe,
  absorb,
  plan: (options: ReadOptions, { columns, signal, after }, given) => {
    const target = targetOf(options, given?.means);
    const { pushed, parallel } = options;
    const since = wishOf(options);
    if (since !== undefined) return planSince(target, since, { columns, pushed, signal, after });
    return planRead(target, { ...options, shape: given?.shape }, { columns, pushed, signal, parallel });
  },
  read,
  follows: ({ since, overlap }) =>
    since === undefined ? undefined : { by: `since ${JSON.stringify(since)}`, repeats: overlap !== undefined && Number(overlap) !== 0 },
  canReopen: ({ query }, given) => given?.means?.client === undefined && (query === undefined || mayBeWrapped(query)),
  gives: ['pg-copy'],
  title: ({ table, since }) => (table === undefined ? 'a query' : `table ${table}${since === undefined ? '' : `, since ${since}`}`),
  place: (given, means) =>
    `${given.table === undefined ? queryPlace(given) : `table ${given.table}`} in ${describeTarget(targetOf(given, means?.means))}`,
});

async function describe(options: CheckedOptions, { signal }: DescribeContext, given: Given): Promise<Schema> {
  const part = given?.part;
  if (part !== undefined) return new Schema(part.relation.columns.map(fieldOf));
  const target = targetOf(options, given?.means);
  return withSession(target, { doing: doingOf(options), signal }, async ({ client, isBorrowed }) => {
    const origin = options.table === undefined ? undefined : new TableOrigin(target, options.table);
    if (isBorrowed) await origin?.readNow(client);
    const columns = await serverColumns(client, { ...options, shape: given?.shape }, target);
    const since = wishOf(options);
    if (since !== undefined) await prepareSince(client, since, columns, undefined);
    const all = columns.map(fieldOf);
    const schema = new Schema(origin === undefined ? all : all.map(field => ({ ...field, origin: field.name })), origin);
    checkNames(schema, given?.schema);
    return schema;
  });
}

/** What the server does with the same outcome: filters, the choice of columns, an order, a limit. A query that changes rows is run as it stands. */
function absorb(options: CheckedOptions, requests: readonly PushRequest[], schema: Schema): Absorbed<ReadOptions> {
  if (options.query !== undefined && !mayBeWrapped(options.query)) return { options, taken: [], rest: requests };
  const { pushed, taken, rest } = takeRequests(requests, schema, {
    numeric: options.numeric,
    keepsOrder: options.since !== undefined || (options.query !== undefined && hasOrder(options.query)),
  });
  if (pushed.limit !== undefined && options.overlap !== undefined && Number(options.overlap) !== 0)
    throw new MillraceError(
      'OPTION_INVALID',
      'postgres: option "overlap": a limit could be used up by rows that are read again; leave one of the two out',
    );
  if (taken.length === 0) return { options, taken, rest };
  return { options: { ...options, pushed }, taken, rest };
}

function wishOf({ table, since, overlap }: CheckedOptions): SinceWish | undefined {
  return table === undefined || since === undefined ? undefined : { table, column: since, overlap };
}

async function* read(options: ReadOptions, context: SourceContext, given: Given): AsyncGenerator<AnyBatch, void, undefined> {
  const since = wishOf(options);
  if (since === undefined) yield* readAll(options, context, given);
  else yield* readSince(openPool(targetOf(options, given?.means)), { ...options, since }, context);
}

async function* readAll(options: ReadOptions, context: SourceContext, given: Given): AsyncGenerator<AnyBatch, void, undefined> {
  const target = targetOf(options, given?.means);
  const pool = openPool(target);
  const use = { doing: doingOf(options), signal: context.signal };
  try {
    const session = await pool.acquire(context.signal);
    const { plan, readers, keyed } = await onSession(session, use, async ({ client }) => {
      const { lockTimeoutMs, parallel, pushed } = options;
      const part = given?.part;
      // Rows that a policy hides would be missing from the whole.
      await session.begin({ lockTimeoutMs, ...(part === undefined ? {} : { snapshot: part.snapshot, seesAllRows: true }) });
      const read = { ...options, shape: given?.shape, part };
      const found = await readPlan(client, read, target, { columns: context.columns, pushed });
      const warn = (message: string): void => context.warn(message);
      const others =
        parallel === 1 || session.isBorrowed || context.after !== undefined
          ? undefined
          : await openReaders(session, pool, found, { ...use, parallel, lockTimeoutMs, warn });
      return { plan: found, readers: others, keyed: await inKeyOrder(client, found, options, context) };
    });
    if (plan.estimatedRows !== undefined) context.expects({ rows: plan.estimatedRows });
    const schema = new Schema(plan.columns.map(fieldOf));
    const layout = new CopyLayout(plan.columns, { int8: options.int8, numeric: options.numeric });
    const { batchRows, batchBytes } = context;
    const { parameters } = plan;
    const reading = { ...use, batchRows, batchBytes, counted: (count: { rows: number; bytes: number }) => context.counted(count) };
    const batches =
      readers === undefined
        ? copyOut(session, keyed?.statement ?? plan.statement, { ...reading, parameters, finish: () => session.commit() })
        : readRanges(readers, reading);
    for await (const rows of batches) yield new RecordBatch(new PgCopyOrigin(rows, layout), schema, keyed?.position(rows));
  } finally {
    await pool.close();
  }
}

/** Values of parameters may be anybody's secrets. */
function queryPlace({ query = '', values }: CheckedOptions): string {
  if (values === undefined) return `query ${query}`;
  const text = JSON.stringify(values, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return `query ${query} with ${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

/** Where somebody keeps positions, or goes on at one, and one connection reads. */
async function inKeyOrder(
  client: pg.Client,
  plan: ReadPlan,
  { parallel }: ReadOptions,
  { after, positionEvery }: SourceContext,
): Promise<KeyedRead | undefined> {
  if (after === undefined) {
    if (positionEvery === undefined || parallel > 1) return undefined;
    if (plan.estimatedRows !== undefined && plan.estimatedRows < READINGS_APART * positionEvery) return undefined;
  }
  const keyed = await keyedRead(client, plan, after);
  if (!('reason' in keyed)) return keyed;
  if (after === undefined) return undefined;
  throw new MillraceError('CHECKPOINT_DIFFERS', `the reading cannot go on where it was: ${keyed.reason}; run it without resume`);
}

/** Fields that the schema names, where it lists them (zod's `shape`, valibot's `entries`), have to be columns. */
function checkNames(schema: Schema, wanted: StandardSchemaV1 | undefined): void {
  const { shape, entries } = (wanted ?? {}) as { shape?: unknown; entries?: unknown };
  const fields = shape ?? entries;
  if (typeof fields !== 'object' || fields === null) return;
  for (const name of Object.keys(fields)) {
    if (schema.has(name) || isOptional((fields as Record<string, unknown>)[name])) continue;
    throw new MillraceError(
      'SCHEMA_MISMATCH',
      `the schema has a field ${JSON.stringify(name)}, which is no column${suggestion(name, schema.names)}`,
    );
  }
}

function isOptional(field: unknown): boolean {
  const { optin, type } = { ...(field as { _zod?: { optin?: string } })._zod, type: (field as { type?: string }).type };
  return optin === 'optional' || type === 'optional' || type === 'nullish';
}
