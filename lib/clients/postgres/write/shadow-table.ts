import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { quoteIdentifier, quoteLiteral, quoteQualifiedName } from '../../../values/identifiers.ts';
import { commentDdl, foreignKeyDdl, indexDdl, keyDdl, replicaIdentityDdl, unvalidatedDdl } from '../catalogue/definition/after-ddl.ts';
import type { Ddl, DdlPlace } from '../catalogue/definition/ddl.ts';
import type { ColumnDefinition, TableDefinition } from '../catalogue/definition/model.ts';
import { withQualifiedNames } from '../catalogue/definition/qualified-session.ts';
import { readDefinitions, relationOid } from '../catalogue/definition/read-tables.ts';
import { securityDdl, triggerDdl } from '../catalogue/definition/security-ddl.ts';
import { tableDdl } from '../catalogue/definition/table-ddl.ts';

/** What stands before the number of the table that is replaced. */
const PREFIX = 'millrace_swap_';

/** What a swap sends: what is filled, and the statements around that. */
export interface SwapPlan {
  /** Quoted, for SQL. */
  readonly table: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/**
 * A table made like another one, to be filled and put in its place. All within one transaction, which shows the old rows to others until it commits
 * and leaves nothing behind when it does not. Nobody writes to the old table meanwhile. Errors of the server come as they are.
 */
export class ShadowTable {
  /** Without its schema, which is that of the other. */
  readonly bare: string;
  readonly #client: pg.Client;
  readonly #definition: TableDefinition;
  readonly #place: DdlPlace;
  #hasKeys = false;

  private constructor(client: pg.Client, definition: TableDefinition) {
    this.#client = client;
    this.#definition = definition;
    this.bare = `${PREFIX}${definition.oid}`;
    const names = [...definition.constraints, ...definition.indexes, ...definition.statistics].map(({ name }) => name);
    const nameOf = (name: string): string => `${this.bare}_${names.indexOf(name)}`;
    this.#place = { table: { schema: definition.schema, name: this.bare }, nameOf };
  }

  /** `name`: the other table, quoted. With `keys`, rows that break a key are refused as they come; else the keys are made when all rows are there. */
  static async make(client: pg.Client, name: string, keys: boolean): Promise<ShadowTable> {
    await client.query(`LOCK TABLE ${name} IN SHARE ROW EXCLUSIVE MODE`);
    const shadow = new ShadowTable(client, await definitionOf(client, name));
    await shadow.#run(tableDdl(shadowed(shadow.#definition), shadow.#place));
    if (keys) await shadow.#makeKeys();
    return shadow;
  }

  /** What `make` and `takePlace` would send, looked up only; without what they look up on the way. */
  static async plan(client: pg.Client, name: string): Promise<SwapPlan> {
    const definition = await definitionOf(client, name);
    const shadow = new ShadowTable(client, definition);
    const after = [
      ...keyDdl(definition, shadow.#place),
      ...shadow.#completing(),
      statement(`DROP TABLE ${quoteQualifiedName(definition)}`),
      ...shadow.#renaming(definition),
      ...settling(definition),
      ...securityDdl(definition),
    ];
    const sqlOf = ({ sql }: Ddl): string => sql;
    return { table: shadow.table, before: tableDdl(shadowed(definition), shadow.#place).map(sqlOf), after: after.map(sqlOf) };
  }

  /** As the sink's options have names. */
  get table(): string {
    return quoteQualifiedName(this.#place.table);
  }

  /** Makes what takes all rows, then waits for the readers of the old table, and takes its place. */
  async takePlace(): Promise<void> {
    const definition = this.#definition;
    const old = quoteQualifiedName(definition);
    await this.#makeKeys();
    await this.#run(this.#completing());
    await this.#client.query(`LOCK TABLE ${old} IN ACCESS EXCLUSIVE MODE`);
    const now = await definitionOf(this.#client, old);
    if (shapeOf(now) !== shapeOf(definition)) throw changed(definition);
    await this.#moveSequences(now);
    // Without CASCADE: what was made to hang on it meanwhile keeps it.
    await this.#client.query(`DROP TABLE ${old}`);
    await this.#rename(now);
    await this.#settle(now);
  }

  async #makeKeys(): Promise<void> {
    if (this.#hasKeys) return;
    this.#hasKeys = true;
    await this.#run(keyDdl(this.#definition, this.#place));
  }

  /** Indexes, checks and keys to other tables, over all rows. */
  #completing(): Ddl[] {
    const definition = this.#definition;
    const outward = { ...definition, constraints: definition.constraints.filter(({ references }) => references?.oid !== definition.oid) };
    return [
      ...indexDdl(definition, this.#place),
      ...unvalidatedDdl(definition, this.#place),
      ...foreignKeyDdl(outward, this.#place),
      ...(definition.estimatedRows === undefined ? [] : [statement(`ANALYZE ${this.table}`)]),
    ];
  }

  /** Sequences that columns own go over, those of identity columns go on where the old ones stand. */
  async #moveSequences({ columns }: TableDefinition): Promise<void> {
    for (const { name, identity, sequence } of columns) {
      if (sequence?.name === undefined) continue;
      const column = `${this.table}.${quoteIdentifier(name)}`;
      const sql =
        identity === undefined
          ? `ALTER SEQUENCE ${quoteQualifiedName(sequence.name)} OWNED BY ${column}`
          : `SELECT pg_catalog.setval(${this.#sequenceOf(name)}, ${sequence.state?.lastValue ?? sequence.start}, ${sequence.state?.isCalled ?? false})`;
      await this.#client.query(sql);
    }
  }

  #sequenceOf(column: string): string {
    return `pg_catalog.pg_get_serial_sequence(${quoteLiteral(this.table)}, ${quoteLiteral(column)})`;
  }

  /** To the names of the old one, which is gone. */
  async #rename(definition: TableDefinition): Promise<void> {
    for (const { name, identity, sequence } of definition.columns) {
      if (identity === undefined || sequence?.name === undefined) continue;
      const { rows } = await this.#client.query<{ name: string }>(`SELECT ${this.#sequenceOf(name)} AS name`);
      await this.#client.query(`ALTER SEQUENCE ${rows[0]?.name ?? ''} ${to(sequence.name.name)}`);
    }
    await this.#run(this.#renaming(definition));
  }

  /** Of constraints, indexes, statistics and the table. */
  #renaming(definition: TableDefinition): Ddl[] {
    const { nameOf = (name: string) => name, table } = this.#place;
    const inSchema = (name: string): string => quoteQualifiedName({ ...table, name: nameOf(name) });
    const constraints = definition.constraints.filter(({ kind, references }) => kind !== 'n' && references?.oid !== definition.oid);
    return [
      ...constraints.map(({ name }) =>
        statement(`ALTER TABLE ${this.table} RENAME CONSTRAINT ${quoteIdentifier(nameOf(name))} TO ${quoteIdentifier(name)}`),
      ),
      ...definition.indexes.filter(({ isValid }) => isValid).map(({ name }) => statement(`ALTER INDEX ${inSchema(name)} ${to(name)}`)),
      ...definition.statistics.map(({ name }) => statement(`ALTER STATISTICS ${inSchema(name)} ${to(name)}`)),
      statement(`ALTER TABLE ${this.table} ${to(definition.name)}`),
    ];
  }

  /** At last to whom it belongs, who may do what, and policies. */
  async #settle(definition: TableDefinition): Promise<void> {
    await this.#run(settling(definition));
    await this.#revokeDefaults(definition);
    await this.#run(securityDdl(definition));
  }

  /** Privileges that ALTER DEFAULT PRIVILEGES gave the new table. */
  async #revokeDefaults({ schema, name, security: { owner, grants } }: TableDefinition): Promise<void> {
    const table = quoteQualifiedName({ schema, name });
    const { rows } = await this.#client.query<{ role: string }>(DEFAULT_GRANTEES, [table]);
    await this.#run(rows.map(({ role }) => statement(`REVOKE ALL ON ${table} FROM ${role}`)));
    if (rows.length > 0 && grants === undefined) await this.#client.query(`GRANT ALL ON ${table} TO ${quoteIdentifier(owner)}`);
  }

  async #run(statements: readonly Ddl[]): Promise<void> {
    await withQualifiedNames(this.#client, async () => {
      for (const { sql } of statements) await this.#client.query(sql);
    });
  }
}

const DEFAULT_GRANTEES = `SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END AS role
  FROM pg_catalog.pg_class c, LATERAL pg_catalog.aclexplode(c.relacl) a WHERE c.oid = pg_catalog.to_regclass($1)`;

function to(name: string): string {
  return `RENAME TO ${quoteIdentifier(name)}`;
}

/** What may name the table itself: keys to its own rows, triggers; comments. */
function settling(definition: TableDefinition): Ddl[] {
  const self = { ...definition, constraints: definition.constraints.filter(({ references }) => references?.oid === definition.oid) };
  return [...foreignKeyDdl(self), ...triggerDdl(definition), ...replicaIdentityDdl(definition), ...commentDdl(definition)];
}

function statement(sql: string): Ddl {
  return { object: '', sql };
}

async function definitionOf(client: pg.Client, name: string): Promise<TableDefinition> {
  const oid = await relationOid(client, name);
  const [definition] = oid === undefined ? [] : await readDefinitions(client, [oid]);
  if (definition === undefined) throw new MillraceError('NOT_FOUND', `table ${name} is gone`);
  return definition;
}

/** With sequences of its own for identity columns, named by the server; the others stay those of the old table until the end. */
function shadowed(definition: TableDefinition): TableDefinition {
  const constraints = definition.constraints.map(one => (one.kind === 'n' ? one : { ...one, comment: undefined }));
  return { ...definition, constraints, columns: definition.columns.map(shadowedColumn) };
}

function shadowedColumn({ sequence, ...column }: ColumnDefinition): ColumnDefinition {
  if (sequence === undefined) return { ...column, sequence };
  if (column.identity !== undefined) return { ...column, sequence: { ...sequence, name: undefined } };
  const next = sequence.name === undefined ? undefined : `nextval(${quoteLiteral(quoteQualifiedName(sequence.name))}::regclass)`;
  return { ...column, sequence: undefined, isSerial: false, defaultsTo: column.isSerial ? next : column.defaultsTo };
}

/** All but what rows and numbers change. */
function shapeOf({ bytes: _bytes, estimatedRows: _rows, columns, ...definition }: TableDefinition): string {
  return JSON.stringify({
    ...definition,
    columns: columns.map(column => ({ ...column, sequence: { ...column.sequence, state: undefined } })),
  });
}

function changed({ schema, name }: TableDefinition): MillraceError {
  return new MillraceError(
    'SERVER_REFUSED',
    `table ${JSON.stringify(`${schema}.${name}`)} was changed by another session while it was being replaced (its columns, keys, indexes or rights); run it again`,
    { retryable: true },
  );
}
