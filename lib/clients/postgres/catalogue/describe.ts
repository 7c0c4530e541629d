import type pg from 'pg';
import { MillraceError, suggestion } from '../../../errors.ts';
import type { Field } from '../../../schema/schema.ts';
import type { DataType } from '../../../schema/types.ts';
import { parseQualifiedName, quoteQualifiedName } from '../../../values/identifiers.ts';
import { limited } from '../connection/connect.ts';
import { describeTarget, type PgTarget } from '../connection/connection-options.ts';
import { type PgConnection, type Submittable, submit } from '../connection/pg-internals.ts';
import type { Relation, ServerColumn } from './relation.ts';
import { ROW_COUNT } from './row-count.ts';
import { TypeCatalogue } from './types.ts';

/** As records have it. */
export function fieldOf({ name, type, nullable, generatedBy, collation }: Omit<ServerColumn, 'server'>): Field {
  const more = { ...(generatedBy === undefined ? {} : { generatedBy }), ...(collation === undefined ? {} : { collation }) };
  return { name, type, nullable, ...more };
}

/** A table, view, foreign or partitioned table. NOT_FOUND, with the nearest name there is. */
export async function describeTable(client: pg.Client, table: string, target: PgTarget): Promise<Relation> {
  const [relation] = await describeTables(client, [{ name: quoteQualifiedName(parseQualifiedName(table)) }]);
  if (relation === undefined) throw await tableNotFound(client, table, target);
  return relation;
}

/** A table by its name (quoted), or, where its number is known, by that: this takes no right to use its schema. */
interface TableReference {
  readonly name: string;
  readonly oid?: number;
}

/** Many of them, in their order; undefined: there is none. */
export async function describeTables(client: pg.Client, tables: readonly TableReference[]): Promise<(Relation | undefined)[]> {
  const { rows } = await client.query<ColumnRow>(limited(COLUMNS, [tables.map(({ name }) => name), tables.map(({ oid }) => oid ?? null)]));
  const catalogue = new TypeCatalogue(client);
  await catalogue.load(rows.flatMap(row => (row.name === null ? [] : [row.oid])));
  const byTable = new Map<number, ColumnRow[]>();
  for (const row of rows) byTable.set(row.at, [...(byTable.get(row.at) ?? []), row]);
  return tables.map(({ name }, i) => relationOf(name, byTable.get(i + 1) ?? [], catalogue));
}

function relationOf(name: string, rows: readonly ColumnRow[], catalogue: TypeCatalogue): Relation | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const present = rows.filter(row => row.name !== null);
  return {
    name,
    columns: present.map(row => ({
      ...serverColumn(catalogue, { name: row.name as string, oid: row.oid, typmod: row.typmod, nullable: !row.notnull }),
      ...(row.expression === null ? {} : { generatedBy: row.expression }),
      ...(row.collation === null ? {} : { collation: row.collation }),
    })),
    primaryKey: present
      .filter(row => row.keyplace !== null)
      .sort((a, b) => (a.keyplace as number) - (b.keyplace as number))
      .map(row => row.name as string),
    isPlainTable: first.relkind === 'r' && !first.haschildren && present.every(row => row.expression === null),
    estimatedRows: first.reltuples < 0 || first.relkind === 'v' ? undefined : first.reltuples,
  };
}

/** A query as the server understands it. */
export interface DescribedQuery {
  readonly columns: readonly ServerColumn[];
  /** Types of $1, $2, …, as the query uses them. */
  readonly parameters: readonly { readonly oid: number; readonly type: DataType }[];
}

/** A query's result and parameters, without running it. OPTION_INVALID (by the server's message) when it is none, or gives no rows. */
export async function describeQuery(client: pg.Client, query: string): Promise<DescribedQuery> {
  const { fields, parameters } = await new Promise<Description>((resolve, reject) => submit(client, new Describe(query, resolve, reject)));
  const catalogue = new TypeCatalogue(client);
  await catalogue.load([...fields.map(field => field.dataTypeID), ...parameters]);
  return {
    columns: fields.map(field =>
      serverColumn(catalogue, { name: field.name, oid: field.dataTypeID, typmod: field.dataTypeModifier, nullable: true }),
    ),
    parameters: parameters.map(oid => ({ oid, type: catalogue.type(oid, -1).type })),
  };
}

interface ColumnRow {
  /** The place of its table among those asked for, from 1. */
  readonly at: number;
  readonly relkind: string;
  readonly haschildren: boolean;
  readonly reltuples: number;
  /** Null: of a table without columns. */
  readonly name: string | null;
  readonly oid: number;
  readonly typmod: number;
  readonly notnull: boolean;
  /** Of a generated column. */
  readonly expression: string | null;
  /** Its place in the primary key. */
  readonly keyplace: number | null;
  readonly collation: 'code point' | 'deterministic' | null;
}

/**
 * Whether texts go by their bytes: the collations C and POSIX of libc, and all of the builtin provider. What a server before 15 or 17 does not
 * know of is not there in the JSON. Source: https://www.postgresql.org/docs/18/catalog-pg-collation.html, catalog-pg-database.html
 */
const BY_BYTES = `CASE WHEN o.collprovider = 'd'
      THEN b.row ->> 'datlocprovider' = 'b' OR coalesce(b.row ->> 'datlocprovider', 'c') = 'c' AND b.row ->> 'datcollate' IN ('C', 'POSIX')
    ELSE o.collprovider = 'b' OR o.collprovider = 'c' AND o.collcollate IN ('C', 'POSIX') END`;

const COLUMNS = `
  SELECT t.at::int4 AS at, c.relkind::text AS relkind, c.relhassubclass OR c.relrowsecurity AS haschildren, ${ROW_COUNT} AS reltuples,
    a.attname::text AS name, a.atttypid AS oid, a.atttypmod AS typmod, a.attnotnull AS notnull,
    CASE WHEN a.attgenerated <> '' THEN (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
      WHERE d.adrelid = c.oid AND d.adnum = a.attnum) END AS expression,
    pg_catalog.array_position(k.conkey, a.attnum) AS keyplace,
    CASE WHEN ${BY_BYTES} THEN 'code point' WHEN o.collisdeterministic THEN 'deterministic' END AS collation
  FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::oid[])) WITH ORDINALITY t(name, oid, at)
    JOIN pg_catalog.pg_class c ON c.oid = CASE WHEN t.oid IS NULL THEN pg_catalog.to_regclass(t.name)::pg_catalog.oid ELSE t.oid END
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
    LEFT JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation
    CROSS JOIN (SELECT pg_catalog.to_jsonb(d) AS row FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) b
  WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') ORDER BY t.at, a.attnum`;

const TABLES = `
  SELECT pg_catalog.quote_ident(n.nspname) AS schema, pg_catalog.quote_ident(c.relname) AS name, pg_catalog.pg_table_is_visible(c.oid) AS visible
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 3 DESC, 1, 2 LIMIT 10000`;

async function tableNotFound(client: pg.Client, table: string, target: PgTarget): Promise<MillraceError> {
  const { rows } = await client.query<{ schema: string; name: string; visible: boolean }>(limited(TABLES));
  const names = rows.map(row => (row.visible && !table.includes('.') ? row.name : `${row.schema}.${row.name}`));
  return new MillraceError('NOT_FOUND', `no table ${JSON.stringify(table)} in ${describeTarget(target)}${suggestion(table, names)}`);
}

interface FoundColumn {
  readonly name: string;
  readonly oid: number;
  readonly typmod: number;
  readonly nullable: boolean;
}

function serverColumn(catalogue: TypeCatalogue, { name, oid, typmod, nullable }: FoundColumn): ServerColumn {
  const server = catalogue.type(oid, typmod);
  return { name, type: server.type, nullable, server };
}

interface Description {
  readonly fields: readonly pg.FieldDef[];
  readonly parameters: readonly number[];
}

/** Parses a statement and asks what rows it gives. Source: https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY */
class Describe implements Submittable {
  readonly #text: string;
  readonly #resolve: (description: Description) => void;
  readonly #reject: (error: Error) => void;
  #parameters: readonly number[] = [];
  #fields: readonly pg.FieldDef[] | undefined;

  constructor(text: string, resolve: (description: Description) => void, reject: (error: Error) => void) {
    this.#text = text;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: PgConnection): void {
    // pg itself has no use for this message.
    connection.on('parameterDescription', this.#takeParameters);
    connection.parse({ name: '', text: this.#text, types: [] });
    connection.describe({ type: 'S', name: '' });
    connection.sync();
  }

  handleRowDescription(message: { fields: readonly pg.FieldDef[] }): void {
    this.#fields = message.fields;
  }

  handleError(error: Error, connection: PgConnection): void {
    connection.off('parameterDescription', this.#takeParameters);
    this.#reject(error);
  }

  handleReadyForQuery(connection: PgConnection): void {
    connection.off('parameterDescription', this.#takeParameters);
    if (this.#fields !== undefined) this.#resolve({ fields: this.#fields, parameters: this.#parameters });
    else this.#reject(new MillraceError('OPTION_INVALID', 'postgres: option "query": the statement gives no rows; write a SELECT'));
  }

  readonly #takeParameters = ({ dataTypeIDs }: { dataTypeIDs: readonly number[] }): void => {
    this.#parameters = dataTypeIDs;
  };
}
