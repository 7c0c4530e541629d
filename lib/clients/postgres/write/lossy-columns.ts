import { MillraceError, suggestion } from '../../../errors.ts';
import { parsePath, printPath } from '../../../query/path.ts';
import { printTableName } from '../catalogue/definition/ddl.ts';
import type { TableDefinition } from '../catalogue/definition/model.ts';

/**
 * Of a whole database the columns that may lose something, by table: `orders.price` (of schema public), `crm.orders.price`, odd names in double quotes.
 * OPTION_INVALID for what is no such name, COLUMN_UNKNOWN, with the nearest one, for a column that is not among those copied.
 */
export function lossyColumns(names: readonly string[], tables: readonly TableDefinition[]): ReadonlyMap<string, readonly string[]> {
  const known = new Map(
    tables.flatMap(table =>
      table.columns
        .filter(({ generated }) => generated === undefined)
        .map(({ name }) => [printPath([table.schema, table.name, name]), { table: printTableName(table), column: name }] as const),
    ),
  );
  const byTable = new Map<string, string[]>();
  for (const text of names) {
    const name = qualified(text);
    const found = known.get(name);
    if (found === undefined) {
      const place = `postgres: option "lossy": no table that is copied has the column ${name}`;
      throw new MillraceError('COLUMN_UNKNOWN', `${place}${suggestion(name, [...known.keys()])}`);
    }
    byTable.set(found.table, [...(byTable.get(found.table) ?? []), found.column]);
  }
  return byTable;
}

function qualified(text: string): string {
  const path = pathOf(text);
  const [first, ...rest] = path ?? [];
  if (first === undefined || rest.length === 0 || rest.length > 2 || rest.some(step => typeof step === 'number'))
    throw new MillraceError(
      'OPTION_INVALID',
      `postgres: option "lossy": ${JSON.stringify(text)} is no column of a table; write schema.table.column`,
    );
  return rest.length === 1 ? printPath(['public', first, ...rest]) : printPath([first, ...rest]);
}

function pathOf(text: string): ReturnType<typeof parsePath> | undefined {
  try {
    return parsePath(text);
  } catch {
    return undefined;
  }
}
