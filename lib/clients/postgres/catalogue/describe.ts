import type pg from 'pg';
import { MillraceError, suggestion } from '../../../errors.ts';
import type { Field } from '../../../schema/schema.ts';
import type { DataType } from '../../../schema/types.ts';
import { parseQualifiedName, quoteQualifiedName } from '../../../values/identifiers.ts';
import { limited } from '../connection/connect.ts';
import { describeTarget, type PgTarget } from '../connection/connection-options.ts';
import { type PgConnection, type Submittable, submit } from '../connection/pg-internals.ts';
import { type ServerType, TypeCatalogue } from './types.ts';

/** A column of a table or of a query's result, on its server. */
export interface ServerColumn {
  readonly name: string;
  readonly type: DataType;
  readonly nullable: boolean;
  readonly server: ServerType;
  /** The expression of a generated column. */
  readonly generatedBy?: string;
}

/** As records have it. */
export function fieldOf({ name, type, nullable, generatedBy }: Omit<ServerColumn, 'server'>): Field {
  return { name, type, nullable, ...(generatedBy === undefined ? {} : { generatedBy }) };
}

export interface Relation {
  readonly columns: readonly ServerColumn[];
  /** Where rows are read from, as SQL writes it: a quoted name. */
  readonly name: string;
  /** `COPY name (columns)` gives all of it: an ordinary table without children, none of its columns generated. */
  readonly isPlainTable: boolean;
  /** Rows, about, as the server last counted; undefined when it never did. */
  readonly estimatedRows: number | undefined;
}

/** A table, view, foreign or partitioned table. NOT_FOUND, with the nearest name there is. */
export async function describeTable(client: pg.Client, table: string, target: PgTarget): Promise<Relation> {
  const name = quoteQualifiedName(parseQualifiedName(table));
  const { rows } = await client.query<ColumnRow>(limited(COLUMNS, [name]));
  const [first] = rows;
  if (first === undefined) throw await tableNotFound(client, table, target);
  const catalogue = new TypeCatalogue(client);
  const present = rows.filter(row => row.name !== null);
  await catalogue.load(present.map(row => row.oid));
  return {
    name,
    columns: present.map(row => ({
      ...serverColumn(catalogue, { name: row.name as string, oid: row.oid, typmod: row.typmod, nullable: !row.notnull }),
      ...(row.expression === null ? {} : { generatedBy: row.expression }),
    })),
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
}

const COLUMNS = `
  SELECT c.relkind::text AS relkind, c.relhassubclass OR c.relrowsecurity AS haschildren, c.reltuples::float8 AS reltuples,
    a.attname::text AS name, a.atttypid AS oid, a.atttypmod AS typmod, a.attnotnull AS notnull,
    CASE WHEN a.attgenerated <> '' THEN (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
      WHERE d.adrelid = c.oid AND d.adnum = a.attnum) END AS expression
  FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'v', 'm', 'f', 'p') ORDER BY a.attnum`;

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
