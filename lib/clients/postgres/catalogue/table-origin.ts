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

  constructor(target: PgTarget, table: string) {
    this.#target = target;
    this.#table = table;
  }

  /** What hangs on the table; undefined of a view, a foreign table, or one that is gone. Errors as those of connecting and reading. */
  async definition(signal?: AbortSignal): Promise<TableDefinition | undefined> {
    const doing = `read the definition of table ${JSON.stringify(this.#table)}`;
    return withSession(this.#target, { doing, ...(signal === undefined ? {} : { signal }) }, async ({ client }) => {
      const oid = await relationOid(client, quoteQualifiedName(parseQualifiedName(this.#table)));
      const [definition] = oid === undefined ? [] : await readDefinitions(client, [oid]);
      return definition !== undefined && 'rp'.includes(definition.kind) ? definition : undefined;
    });
  }
}
