import type { SecurityDefinition } from './model.ts';
import type { GrantRow, PolicyRow, RelationRow } from './table-queries.ts';

const COMMANDS: Readonly<Record<string, string>> = { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE', '*': 'ALL' };

/** Who owns a table, who may do what with it, and which rows they see. */
export function security(row: RelationRow, grants: readonly GrantRow[], policies: readonly PolicyRow[]): SecurityDefinition {
  return {
    owner: row.owner,
    grants: row.hasacl
      ? grants.map(({ to, privilege, grantable, column }) => ({
          to: to ?? undefined,
          privilege,
          isGrantable: grantable,
          column: column ?? undefined,
        }))
      : undefined,
    isRowSecure: row.rowsecurity,
    isForced: row.forced,
    policies: policies.map(({ name, permissive, command, roles, using, check }) => ({
      name,
      isPermissive: permissive,
      command: COMMANDS[command] ?? 'ALL',
      roles,
      using: using ?? undefined,
      check: check ?? undefined,
    })),
  };
}
