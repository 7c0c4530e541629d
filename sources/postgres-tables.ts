import { z } from 'zod';
import { type DatabaseDefinition, type DatabaseObject, readDatabase } from '../lib/clients/postgres/catalogue/definition/read-database.ts';
import { describeTables } from '../lib/clients/postgres/catalogue/describe.ts';
import { printTableName } from '../lib/clients/postgres/catalogue/definition/ddl.ts';
import type { SchemaName } from '../lib/clients/postgres/catalogue/definition/model.ts';
import { lackingSelect } from '../lib/clients/postgres/catalogue/rights.ts';
import { DATABASE_WORDS } from '../lib/clients/postgres/catalogue/part-words.ts';
import { limited } from '../lib/clients/postgres/connection/connect.ts';
import { connectionFields, describeTarget } from '../lib/clients/postgres/connection/connection-options.ts';
import type { ConnectionMeans, WithMeans } from '../lib/clients/postgres/connection/given-means.ts';
import { splitMeans, targetOf } from '../lib/clients/postgres/connection/means.ts';
import { openPool, type PgSession } from '../lib/clients/postgres/connection/pool.ts';
import { onSession, withSession } from '../lib/clients/postgres/connection/session.ts';
import { exportSnapshot } from '../lib/clients/postgres/connection/snapshot.ts';
import type { Source } from '../lib/core/contracts.ts';
import { defineSource, type DescribeContext } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import type { SourceParts } from '../lib/core/parts.ts';
import { sourceStage } from '../lib/core/run/stage.ts';
import { MillraceError } from '../lib/errors.ts';
import { Schema } from '../lib/schema/schema.ts';
import { quoteQualifiedName } from '../lib/values/identifiers.ts';
import { postgresKind } from './postgres.ts';
import { countOf } from '../lib/values/counts.ts';

const options = z.strictObject({
  ...connectionFields,
  tables: z.string().min(1).optional().describe('a part of it: public.*,crm.orders; all of the database by default'),
  lockTimeoutMs: z.number().int().min(1).default(60_000).describe('milliseconds that a lock held by another session is waited for'),
});

type TablesOptions = WithMeans<z.input<typeof options>>;
type CheckedOptions = z.output<typeof options>;

/** What goes from one database to another: not records of a kind, but tables. */
export interface Tables {
  readonly tables: never;
}

/**
 * A whole database, or the tables (and views) that match, with what they need: for `to.postgres.tables` alone. All of it as it was at one moment: one
 * snapshot for every reader. Errors: NOT_FOUND where nothing matches, and those of connecting and reading.
 */
export function tables(given: TablesOptions): Source<Tables> {
  checkArgument('postgres-tables', 'options', given, 'object');
  const { options: plain, means } = splitMeans<z.input<typeof options>>(given);
  return postgresTablesKind.create<Tables>(plain, means);
}

export const postgresTablesKind = defineSource<typeof options, ConnectionMeans | undefined>({
  kind: 'postgres-tables',
  options,
  parts: { words: DATABASE_WORDS, open: openParts },
  plan: async (given, { signal }, means) => {
    const { whole, parts, close } = await openParts(given, { signal }, means);
    await close();
    const { objects, notCarried } = whole as DatabaseDefinition;
    const target = targetOf(given, means);
    const read = new Map(
      objects.flatMap(one => (one.kind === 'table' && one.table.kind === 'r' ? [[one.table.oid, printTableName(one.table)]] : [])),
    );
    const doing = `plan for ${describeTarget(target)}`;
    const problems = await withSession(target, { doing, signal }, ({ client }) => lackingSelect(client, read));
    const planned = parts.map(async ({ name, source }) => ({
      name,
      schema: (await source.definition.describe?.(source.options, { signal }, source.given)) ?? new Schema([]),
    }));
    return {
      notes: [...objects.map(noteOf), ...notCarried.map(what => `not carried: ${what}`)],
      problems,
      hasPositions: false,
      isRepeatable: false,
      parts: { whole, parts: await Promise.all(planned) },
    };
  },
  async *read() {
    await Promise.reject(
      new MillraceError('PIPELINE_INVALID', 'whole databases go from tables to tables; name a table or a query to read records'),
    );
  },
  title: given => (given.tables === undefined ? 'a database' : `tables ${given.tables}`),
});

/** In the order in which they are made; rows of tables come after the first of them, views last. */
function noteOf(object: DatabaseObject): string {
  if (object.kind === 'sequence') return `sequence ${printTableName(object.sequence.name as SchemaName)}`;
  if (object.kind !== 'table') return `${object.kind} ${printTableName(object.object)}`;
  const { constraints, indexes, estimatedRows } = object.table;
  const keys = constraints.filter(({ kind }) => kind !== 'n').length;
  const rows = estimatedRows === undefined ? '' : `, about ${countOf(estimatedRows, 'row')}`;
  return `table ${printTableName(object.table)}: ${countOf(keys, 'constraint')}, ${countOf(indexes.length, 'index')}${rows}`;
}

async function openParts(given: CheckedOptions, { signal }: DescribeContext, means: ConnectionMeans | undefined): Promise<SourceParts> {
  const { tables: wanted, ...ofTable } = given;
  const target = targetOf(given, means);
  const pool = openPool(target);
  let session: PgSession | undefined;
  try {
    session = await pool.acquire(signal);
    const held = session;
    const doing = `read what is in ${describeTarget(target)}`;
    return await onSession(held, { doing, signal }, async ({ client }) => {
      await client.query(limited('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'));
      const snapshot = await exportSnapshot(client);
      const whole = await readDatabase(client, wanted);
      const tables = whole.objects.flatMap(object => (object.kind === 'table' && object.table.kind === 'r' ? [object.table] : []));
      const relations = await describeTables(
        client,
        tables.map(table => ({ name: quoteQualifiedName(table), oid: table.oid })),
      );
      return {
        whole,
        parts: tables.map((table, i) => {
          const relation = relations[i];
          if (relation === undefined)
            throw new MillraceError('NOT_FOUND', `table ${printTableName(table)} was dropped this moment`, { retryable: true });
          const columns = relation.columns.filter(({ generatedBy }) => generatedBy === undefined);
          const part = { snapshot, relation: { ...relation, columns } };
          const source = sourceStage(
            postgresKind.definition,
            { ...ofTable, table: printTableName(table), int8: 'bigint' },
            { means, part },
          );
          return { name: printTableName(table), bytes: table.bytes, source };
        }),
        close: async () => {
          if (signal.aborted) held.discard();
          await client.query(limited('COMMIT')).catch(() => undefined);
          held.release();
          await pool.close();
        },
      };
    });
  } catch (error) {
    session?.discard();
    await pool.close();
    throw error;
  }
}
