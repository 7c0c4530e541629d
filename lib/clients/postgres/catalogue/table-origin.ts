import type pg from 'pg';
import type { SchemaOrigin } from '../../../schema/schema.ts';
import { parseQualifiedName, quoteQualifiedName } from '../../../values/identifiers.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import { withSession } from '../connection/session.ts';
import type { TableDefinition } from './definition/model.ts';
import { readDefinitions, relationOid } from './definition/read-tables.ts';

/** The table that records come from: read once more, and only when a sink wants to make such a table. */
export class TableOrigin implements SchemaOrigin {
  readonly kind = 'postgres';
  readonly #target: PgTarget;
  readonly #table: string;
  #known: { readonly definition: TableDefinition | undefined } | undefined;

  constructor(target: PgTarget, table: string) {
    this.#target = target;
    this.#table = table;
  }

  /** For a connection that is busy with the rows when a sink asks. */
  async readNow(client: pg.Client): Promise<void> {
    this.#known = { definition: await this.#read(client) };
  }

  /** What hangs on the table; undefined of a view, a foreign table, or one that is gone. Errors as those of connecting and reading. */
  async definition(signal?: AbortSignal): Promise<TableDefinition | undefined> {
    const doing = `read the definition of table ${JSON.stringify(this.#table)}`;
    if (this.#known !== undefined) return this.#known.definition;
    return withSession(this.#target, { doing, ...(signal === undefined ? {} : { signal }) }, ({ client }) => this.#read(client));
  }

  async #read(client: pg.Client): Promise<TableDefinition | undefined> {
    const oid = await relationOid(client, quoteQualifiedName(parseQualifiedName(this.#table)));
    const [definition] = oid === undefined ? [] : await readDefinitions(client, [oid]);
    return definition !== undefined && 'rp'.includes(definition.kind) ? definition : undefined;
  }
}
