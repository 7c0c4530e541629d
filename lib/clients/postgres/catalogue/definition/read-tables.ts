import type pg from 'pg';
import { limited } from '../../connection/connect.ts';
import type {
  ColumnDefinition,
  ConstraintDefinition,
  ConstraintKind,
  IndexDefinition,
  IndexPlace,
  StatisticsDefinition,
  TableDefinition,
  TriggerDefinition,
} from './model.ts';
import { withQualifiedNames } from './qualified-session.ts';
import { readSequenceStates, sequenceDefinition, type SequenceStates } from './read-sequences.ts';
import { ON, REFERENCES, splitAt, unreadable } from './split-at.ts';
import { security } from './read-security.ts';
import {
  type ColumnRow,
  COLUMNS,
  type ConstraintRow,
  CONSTRAINTS,
  type GrantRow,
  GRANTS,
  type IndexRow,
  INDEXES,
  OWNED_SEQUENCES,
  POLICIES,
  type PolicyRow,
  type RelationRow,
  RELATIONS,
  type SequenceRow,
  STATISTICS,
  type StatisticsRow,
  type TriggerRow,
  TRIGGERS,
} from './table-queries.ts';

/**
 * Everything that hangs on these tables (views and foreign tables too), in the order of `oids`, by a fixed number of statements. Those that are
 * gone are left out. The client may be in a transaction; errors come as the server has them.
 */
export async function readDefinitions(client: pg.Client, oids: readonly number[]): Promise<TableDefinition[]> {
  if (oids.length === 0) return [];
  return withQualifiedNames(client, async () => {
    const found = await readRows(client, oids);
    const byOid = new Map(found.relations.map(relation => [relation.oid, relation]));
    return oids.flatMap(oid => {
      const relation = byOid.get(oid);
      return relation === undefined ? [] : [tableDefinition(relation, found)];
    });
  });
}

/** The oid of a table, view or foreign table; undefined where there is none. `name`: quoted, as SQL writes it. */
export async function relationOid(client: pg.Client, name: string): Promise<number | undefined> {
  const { rows } = await client.query<{ oid: number | null }>(limited('SELECT pg_catalog.to_regclass($1)::pg_catalog.oid AS oid', [name]));
  return rows[0]?.oid ?? undefined;
}

interface Rows {
  readonly relations: readonly RelationRow[];
  readonly columns: ByTable<ColumnRow>;
  readonly sequences: ByTable<SequenceRow & { table: number }>;
  readonly states: SequenceStates;
  readonly constraints: ByTable<ConstraintRow>;
  readonly indexes: ByTable<IndexRow>;
  readonly statistics: ByTable<StatisticsRow>;
  readonly grants: ByTable<GrantRow>;
  readonly policies: ByTable<PolicyRow>;
  readonly triggers: ByTable<TriggerRow>;
}

type ByTable<Row> = ReadonlyMap<number, readonly Row[]>;

async function readRows(client: pg.Client, oids: readonly number[]): Promise<Rows> {
  const set = `{${oids.join(',')}}`;
  const ask = async <Row extends pg.QueryResultRow>(statement: string): Promise<Row[]> =>
    (await client.query<Row>(limited(statement, [set]))).rows;
  const sequences = await ask<SequenceRow & { table: number }>(OWNED_SEQUENCES);
  return {
    relations: await ask<RelationRow>(RELATIONS),
    columns: byTable(await ask<ColumnRow>(COLUMNS)),
    sequences: byTable(sequences),
    states: await readSequenceStates(client, sequences),
    constraints: byTable(await ask<ConstraintRow>(CONSTRAINTS)),
    indexes: byTable(await ask<IndexRow>(INDEXES)),
    statistics: byTable(await ask<StatisticsRow>(STATISTICS)),
    grants: byTable(await ask<GrantRow>(GRANTS)),
    policies: byTable(await ask<PolicyRow>(POLICIES)),
    triggers: byTable(await ask<TriggerRow>(TRIGGERS)),
  };
}

function byTable<Row extends { readonly table: number }>(rows: readonly Row[]): ByTable<Row> {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.table);
    if (group === undefined) groups.set(row.table, [row]);
    else group.push(row);
  }
  return groups;
}

function tableDefinition(row: RelationRow, rows: Rows): TableDefinition {
  const indexes = rows.indexes.get(row.oid) ?? [];
  const sequences = rows.sequences.get(row.oid) ?? [];
  return {
    oid: row.oid,
    schema: row.schema,
    name: row.name,
    kind: row.kind,
    isUnlogged: row.unlogged,
    isOfExtension: row.extension,
    options: row.options ?? [],
    accessMethod: row.accessmethod ?? undefined,
    ofType: row.oftype ?? undefined,
    partitionKey: row.partitionkey ?? undefined,
    partitionBound: row.bound ?? undefined,
    parents: (row.parents ?? []).map(({ schema, name }) => ({ schema, name })),
    parentOids: (row.parents ?? []).map(({ oid }) => oid),
    columns: (rows.columns.get(row.oid) ?? []).map(column =>
      columnDefinition(
        column,
        sequences.find(({ number }) => number === column.number),
        rows.states,
      ),
    ),
    constraints: (rows.constraints.get(row.oid) ?? []).map(constraint => constraintDefinition(constraint, indexes)),
    indexes: indexes.filter(({ ofconstraint }) => !ofconstraint).map(index => indexDefinition(index, row)),
    statistics: (rows.statistics.get(row.oid) ?? []).map(statistics => statisticsDefinition(statistics, row)),
    comment: row.comment ?? undefined,
    bytes: row.bytes,
    estimatedRows: row.rows < 0 ? undefined : row.rows,
    security: security(row, rows.grants.get(row.oid) ?? [], rows.policies.get(row.oid) ?? []),
    triggers: (rows.triggers.get(row.oid) ?? []).map(trigger => triggerDefinition(trigger, row)),
    rules: row.rules ?? [],
    replicaIdentity: replicaIdentity(row, indexes),
  };
}

const STORAGE: Readonly<Record<string, string>> = { p: 'PLAIN', e: 'EXTERNAL', x: 'EXTENDED', m: 'MAIN' };
const COMPRESSION: Readonly<Record<string, string>> = { p: 'pglz', l: 'lz4' };

function columnDefinition(row: ColumnRow, sequence: SequenceRow | undefined, states: SequenceStates): ColumnDefinition {
  const isGenerated = row.generated !== '';
  const isSerial = sequence !== undefined && row.identity === '' && row.expression === sequence.nextval;
  return {
    name: row.name,
    type: row.type,
    collation: row.collation ?? undefined,
    storage: STORAGE[row.storage ?? ''],
    compression: COMPRESSION[row.compression ?? ''],
    statisticsTarget: row.target === null || row.target < 0 ? undefined : row.target,
    options: row.options ?? [],
    isNotNull: row.notnull,
    defaultsTo: isGenerated || isSerial ? undefined : (row.expression ?? undefined),
    generated: isGenerated
      ? { expression: row.expression ?? 'NULL', isVirtual: row.generated === 'v', columns: row.uses ?? [] }
      : undefined,
    identity: row.identity === 'a' ? 'ALWAYS' : row.identity === 'd' ? 'BY DEFAULT' : undefined,
    sequence: sequence === undefined ? undefined : sequenceDefinition(sequence, states),
    isSerial,
    isLocal: row.local,
    comment: row.comment ?? undefined,
  };
}

function constraintDefinition(row: ConstraintRow, indexes: readonly IndexRow[]): ConstraintDefinition {
  const index = 'pux'.includes(row.kind) ? indexes.find(({ oid }) => oid === row.index) : undefined;
  return {
    name: row.name,
    kind: row.kind as ConstraintKind,
    definition: row.definition,
    isValid: row.valid,
    isLocal: row.local,
    isOfParent: row.ofparent,
    columns: row.columns ?? [],
    references: referencesOf(row),
    index: index === undefined ? undefined : indexPlace(index),
    comment: row.comment ?? index?.comment ?? undefined,
  };
}

function referencesOf({ definition, references }: ConstraintRow): ConstraintDefinition['references'] {
  if (references === null) return undefined;
  const { oid, schema, name, printed } = references;
  return { oid, schema, name, around: splitAt(definition, REFERENCES, printed) };
}

function indexPlace({ parent, clustered }: IndexRow): IndexPlace {
  return { parent: parent ?? undefined, isClustered: clustered };
}

function indexDefinition(row: IndexRow, table: RelationRow): IndexDefinition {
  const [, behind] = splitAt(row.definition, ON, table.printed);
  return {
    ...indexPlace(row),
    name: row.name,
    isUnique: row.unique,
    definition: behind,
    columns: row.columns ?? [],
    isValid: row.valid,
    comment: row.comment ?? undefined,
  };
}

function statisticsDefinition(row: StatisticsRow, table: RelationRow): StatisticsDefinition {
  const from = ` FROM ${table.printed}`;
  if (!row.definition.endsWith(from)) throw unreadable(row.definition, table.printed);
  const head = `CREATE STATISTICS ${row.printed}`;
  return {
    schema: row.schema,
    name: row.name,
    definition: row.definition.slice(head.length, -from.length).trim(),
    columns: row.columns ?? [],
    comment: row.comment ?? undefined,
  };
}

const FIRING: Readonly<Record<string, TriggerDefinition['firing']>> = { D: 'DISABLE', R: 'ENABLE REPLICA', A: 'ENABLE ALWAYS' };

function triggerDefinition({ name, definition, enabled }: TriggerRow, table: RelationRow): TriggerDefinition {
  const [before, behind] = splitAt(definition, ON, table.printed);
  return { name, definition: [before, behind], firing: FIRING[enabled] };
}

function replicaIdentity({ identity }: RelationRow, indexes: readonly IndexRow[]): TableDefinition['replicaIdentity'] {
  if (identity === 'f') return 'FULL';
  if (identity === 'n') return 'NOTHING';
  const index = indexes.find(({ replica }) => replica);
  return identity === 'i' && index !== undefined ? { index: index.name } : undefined;
}
