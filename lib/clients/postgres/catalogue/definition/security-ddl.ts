/** Who may do what with a table, and what happens when they do: for a table that takes the place of another on the same server. */
import { quoteIdentifier } from '../../../../values/identifiers.ts';
import { type Ddl, type DdlPlace, namesAt, placeOf } from './ddl.ts';
import type { TableDefinition } from './model.ts';

/** Owner, privileges, row-level security and policies. Privileges that the server gave the new table by default stay beside those. */
export function securityDdl(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[] {
  const { table, shown } = namesAt(place);
  const { owner, grants, isRowSecure, isForced, policies } = definition.security;
  const alter = (object: string, action: string): Ddl => ({ object: `${object} of table ${shown}`, sql: `ALTER TABLE ${table} ${action}` });
  const granted = (grants ?? []).map(({ to, privilege, isGrantable, column }) => ({
    object: `privileges of table ${shown}`,
    sql: `GRANT ${privilege}${column === undefined ? '' : ` (${quoteIdentifier(column)})`} ON ${table} TO ${role(to)}${isGrantable ? ' WITH GRANT OPTION' : ''}`,
  }));
  return [
    ...(grants === undefined ? [] : [{ object: `privileges of table ${shown}`, sql: `REVOKE ALL ON ${table} FROM PUBLIC, CURRENT_USER` }]),
    alter('owner', `OWNER TO ${quoteIdentifier(owner)}`),
    ...(grants === undefined
      ? []
      : [{ object: `privileges of table ${shown}`, sql: `REVOKE ALL ON ${table} FROM ${quoteIdentifier(owner)}` }]),
    ...granted,
    ...policies.map(({ name, isPermissive, command, roles, using, check }) => ({
      object: `policy ${JSON.stringify(name)} of table ${shown}`,
      sql: [
        `CREATE POLICY ${quoteIdentifier(name)} ON ${table} AS ${isPermissive ? 'PERMISSIVE' : 'RESTRICTIVE'} FOR ${command} TO ${roles.join(', ')}`,
        ...(using === undefined ? [] : [`USING (${using})`]),
        ...(check === undefined ? [] : [`WITH CHECK (${check})`]),
      ].join(' '),
    })),
    ...(isRowSecure ? [alter('row-level security', 'ENABLE ROW LEVEL SECURITY')] : []),
    ...(isForced ? [alter('row-level security', 'FORCE ROW LEVEL SECURITY')] : []),
  ];
}

function role(name: string | undefined): string {
  return name === undefined ? 'PUBLIC' : quoteIdentifier(name);
}

export function triggerDdl(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[] {
  const { table, shown } = namesAt(place);
  return definition.triggers.flatMap(({ name, definition: [before, behind], firing }) => {
    const object = `trigger ${JSON.stringify(name)} of table ${shown}`;
    return [
      { object, sql: `${before} ON ${table} ${behind}` },
      ...(firing === undefined ? [] : [{ object, sql: `ALTER TABLE ${table} ${firing} TRIGGER ${quoteIdentifier(name)}` }]),
    ];
  });
}
