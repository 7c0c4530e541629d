import type pg from 'pg';
import { limited } from '../../connection/connect.ts';
import { showName } from './ddl.ts';
import type { TableDefinition } from './model.ts';

const VIRTUAL_COLUMNS = 180_000;

/** The definition as a server can have it that may be older than the one it comes from: what changes is said. */
export async function asServerHas(
  client: pg.Client,
  definition: TableDefinition,
  warn: (message: string) => void,
): Promise<TableDefinition> {
  const virtual = definition.columns.filter(({ generated }) => generated?.isVirtual === true);
  if (virtual.length === 0 || (await versionOf(client)) >= VIRTUAL_COLUMNS) return definition;
  for (const { name } of virtual) {
    const column = `column ${JSON.stringify(name)} of table ${showName(definition)}`;
    warn(`${column} is stored at the target: servers before PostgreSQL 18 have no virtual columns`);
  }
  const columns = definition.columns.map(column => {
    const { generated } = column;
    return generated === undefined ? column : { ...column, generated: { ...generated, isVirtual: false } };
  });
  return { ...definition, columns };
}

async function versionOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    limited("SELECT pg_catalog.current_setting('server_version_num')::int4 AS version"),
  );
  return rows[0]?.version ?? 0;
}
