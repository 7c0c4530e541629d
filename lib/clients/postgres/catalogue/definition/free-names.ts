import type pg from 'pg';
import { MAX_NAME_BYTES } from '../../../../values/identifiers.ts';
import { limited } from '../../connection/connect.ts';
import type { TableDefinition } from './model.ts';

/** A definition whose sequences have names that are free, and what its indexes and statistics are called. */
export interface FreeNames {
  readonly definition: TableDefinition;
  nameOf(name: string): string;
}

/**
 * Names of indexes, statistics and sequences that are free in the schema: their own ones, with the table's name in place of `was` where they begin
 * with that, and a number behind those that are taken.
 */
export async function freeNames(client: pg.Client, definition: TableDefinition, was: string): Promise<FreeNames> {
  const { schema, indexes, constraints, statistics, columns } = definition;
  const wanted = [
    ...indexes.map(({ name }) => name),
    ...constraints.filter(({ kind }) => 'pux'.includes(kind)).map(({ name }) => name),
    ...statistics.map(({ name }) => name),
    ...columns.flatMap(({ sequence }) => (sequence?.name === undefined ? [] : [sequence.name.name])),
  ];
  const first = (name: string): string => (name.startsWith(`${was}_`) ? shortened(definition.name + name.slice(was.length)) : name);
  const names = new Map(wanted.map(name => [name, first(name)]));
  const given = new Set(names.values());
  for (let number = 1; ; number++) {
    const taken = await takenNames(client, schema, [...names.values()]);
    if (taken.size === 0) break;
    for (const [name, now] of names) {
      if (!taken.has(now)) continue;
      const next = shortened(first(name), String(number));
      if (given.has(next)) continue;
      given.add(next);
      names.set(name, next);
    }
  }
  return {
    nameOf: name => names.get(name) ?? name,
    definition: {
      ...definition,
      columns: columns.map(column => {
        const { sequence } = column;
        if (sequence?.name === undefined || names.get(sequence.name.name) === sequence.name.name) return column;
        return { ...column, sequence: { ...sequence, name: undefined } };
      }),
    },
  };
}

async function takenNames(client: pg.Client, schema: string, names: readonly string[]): Promise<Set<string>> {
  if (names.length === 0) return new Set();
  const { rows } = await client.query<{ name: string }>(limited(TAKEN, [schema, names]));
  return new Set(rows.map(({ name }) => name));
}

const TAKEN = `
  SELECT c.relname::text AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = ANY ($2::text[])
  UNION SELECT s.stxname::text FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
  WHERE n.nspname = $1 AND s.stxname = ANY ($2::text[])`;

function shortened(name: string, suffix = ''): string {
  let head = name;
  while (Buffer.byteLength(head) + suffix.length > MAX_NAME_BYTES) head = Array.from(head).slice(0, -1).join('');
  return head + suffix;
}
