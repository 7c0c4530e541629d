/** What is made when a table has its rows. */
import { quoteIdentifier, quoteLiteral, quoteQualifiedName } from '../../../../values/identifiers.ts';
import { type Ddl, type DdlPlace, namesAt, placeOf } from './ddl.ts';
import type { ColumnDefinition, IndexPlace, TableDefinition } from './model.ts';
import { constraintDdl } from './table-ddl.ts';

/** Primary key, unique keys, exclusions. */
export function keyDdl(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[] {
  const only = definition.kind === 'p' ? 'ONLY ' : '';
  return definition.constraints
    .filter(({ kind }) => 'pux'.includes(kind))
    .sort((a, b) => 'pux'.indexOf(a.kind) - 'pux'.indexOf(b.kind))
    .flatMap(constraint => [constraintDdl(constraint, place, only), ...standing(constraint.name, constraint.index, place)]);
}

/** Indexes, then statistics. */
export function indexDdl(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[] {
  return [...indexGroups(definition, place).flat(), ...statisticsDdl(definition, place)];
}

/**
 * Each index with what is said of it. An index of a partitioned table is complete when those of its partitions are attached to it
 * (`attachIndexDdl`).
 */
export function indexGroups(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[][] {
  const { table, shown, own } = namesAt(place);
  const only = definition.kind === 'p' ? 'ONLY ' : '';
  return definition.indexes
    .filter(index => index.isValid)
    .map(index => [
      {
        object: `index ${JSON.stringify(index.name)} of table ${shown}`,
        sql: `CREATE ${index.isUnique ? 'UNIQUE ' : ''}INDEX ${own(index.name)} ON ${only}${table} ${index.definition}`,
      },
      ...standing(index.name, index, place),
    ]);
}

export function statisticsDdl(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[] {
  const { table, shown, inSchema } = namesAt(place);
  return definition.statistics.map(one => ({
    object: `statistics ${JSON.stringify(one.name)} of table ${shown}`,
    sql: `CREATE STATISTICS ${inSchema(one.name)} ${one.definition} FROM ${table}`,
  }));
}

/** Makes the indexes of a partition parts of those of the partitioned table, which has to have them. */
export function attachIndexDdl(definition: TableDefinition): Ddl[] {
  const { shown, inSchema } = namesAt(placeOf(definition));
  const places: [string, IndexPlace | undefined][] = [
    ...definition.constraints.map(({ name, index }) => [name, index] as [string, IndexPlace | undefined]),
    ...definition.indexes.map(index => [index.name, index] as [string, IndexPlace]),
  ];
  return places.flatMap(([name, index]) =>
    index?.parent === undefined
      ? []
      : [
          {
            object: `index ${JSON.stringify(name)} of table ${shown}`,
            sql: `ALTER INDEX ${quoteQualifiedName(index.parent)} ATTACH PARTITION ${inSchema(name)}`,
          },
        ],
  );
}

/** Checks that are not said to hold for what is there. */
export function unvalidatedDdl(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[] {
  return definition.constraints
    .filter(({ kind, isValid, isLocal }) => (kind === 'c' || kind === 'n') && !isValid && isLocal)
    .map(constraint => constraintDdl(constraint, place));
}

/** Those of a partitioned table go to its partitions by themselves. */
export function foreignKeyDdl(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[] {
  return definition.constraints.filter(({ kind, isOfParent }) => kind === 'f' && !isOfParent).map(key => constraintDdl(key, place));
}

/** Sequences of its columns go on where those of the definition stand. */
export function sequenceStateDdl(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[] {
  const { table, shown } = namesAt(place);
  return definition.columns.flatMap(({ name, sequence }) => {
    if (sequence?.state === undefined) return [];
    const { lastValue, isCalled } = sequence.state;
    const found =
      sequence.name === undefined
        ? `pg_catalog.pg_get_serial_sequence(${quoteLiteral(table)}, ${quoteLiteral(name)})`
        : quoteLiteral(quoteQualifiedName(sequence.name));
    return [
      {
        object: `state of the sequence of column ${JSON.stringify(name)} of table ${shown}`,
        sql: `SELECT pg_catalog.setval(${found}, ${lastValue}, ${isCalled})`,
      },
    ];
  });
}

/** Of the table and of all that hangs on it. */
export function commentDdl(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[] {
  const { table, shown, own, inSchema } = namesAt(place);
  const on = (what: string, comment: string | undefined): Ddl[] =>
    comment === undefined ? [] : [{ object: `comment on table ${shown}`, sql: `COMMENT ON ${what} IS ${quoteLiteral(comment)}` }];
  return [
    ...on(`${RELATIONS[definition.kind] ?? 'TABLE'} ${table}`, definition.comment),
    ...definition.columns.flatMap(column => on(`COLUMN ${table}.${quoteIdentifier(column.name)}`, column.comment)),
    ...definition.columns.flatMap(column => sequenceComment(column, on)),
    ...definition.constraints
      .filter(({ isLocal, isOfParent, index }) => (isLocal || index !== undefined) && !isOfParent)
      .flatMap(one => on(`CONSTRAINT ${own(one.name)} ON ${table}`, one.comment)),
    ...definition.indexes.filter(({ isValid }) => isValid).flatMap(one => on(`INDEX ${inSchema(one.name)}`, one.comment)),
    ...definition.statistics.flatMap(one => on(`STATISTICS ${inSchema(one.name)}`, one.comment)),
  ];
}

const RELATIONS: Readonly<Record<string, string>> = { v: 'VIEW', m: 'MATERIALIZED VIEW', f: 'FOREIGN TABLE' };

function sequenceComment({ sequence }: ColumnDefinition, on: (what: string, comment: string | undefined) => Ddl[]): Ddl[] {
  return sequence?.name === undefined ? [] : on(`SEQUENCE ${quoteQualifiedName(sequence.name)}`, sequence.comment);
}

function standing(name: string, index: IndexPlace | undefined, place: DdlPlace): Ddl[] {
  if (index?.isClustered !== true) return [];
  const { table, shown, own } = namesAt(place);
  return [{ object: `clustering of table ${shown}`, sql: `ALTER TABLE ${table} CLUSTER ON ${own(name)}` }];
}

/** By what changed and deleted rows are told to subscribers. */
export function replicaIdentityDdl(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[] {
  const { replicaIdentity } = definition;
  if (replicaIdentity === undefined) return [];
  const { table, shown, own } = namesAt(place);
  const by = typeof replicaIdentity === 'string' ? replicaIdentity : `USING INDEX ${own(replicaIdentity.index)}`;
  return [{ object: `replica identity of table ${shown}`, sql: `ALTER TABLE ${table} REPLICA IDENTITY ${by}` }];
}
