import type { Field } from '../../../../schema/schema.ts';
import type { QualifiedName } from '../../../../values/identifiers.ts';
import type { ColumnDefinition, SequenceDefinition, TableDefinition } from './model.ts';

/** A definition as the records and the target's name leave it. */
export interface AdaptedDefinition {
  readonly definition: TableDefinition;
  /** What cannot come along, and why, for a person. */
  readonly leftOut: readonly string[];
}

/** A column of the records, and its type as SQL writes it at the target. */
export interface AdaptedField {
  readonly field: Field;
  readonly type: string;
}

/**
 * The definition of an ordinary table with the columns of the records: those that come from the table as they were keep all that is theirs;
 * what needs a column that is gone, renamed or changed is left out. Where its schema or name is another one, the server names sequences.
 */
export function adaptDefinition(
  whole: TableDefinition,
  fields: readonly AdaptedField[],
  to: QualifiedName & { readonly schema: string },
): AdaptedDefinition {
  const isSameName = to.schema === whole.schema && to.name === whole.name;
  const intact = new Set(fields.flatMap(({ field }) => (field.origin === field.name ? [field.name] : [])));
  const leftOut: string[] = placesLeftOut(whole);
  const hasAll = (what: string, columns: readonly string[]): boolean => {
    const lacking = columns.filter(name => !intact.has(name));
    if (lacking.length > 0)
      leftOut.push(`${what}: the records do not have ${listOf(lacking)} as ${lacking.length > 1 ? 'they were' : 'it was'}`);
    return lacking.length === 0;
  };
  const columns = fields.map(({ field, type }) => {
    const column = whole.columns.find(({ name }) => name === field.origin);
    return column === undefined ? plainColumn(field, type) : ownColumn(column, field, type, isSameName, hasAll);
  });
  const definition: TableDefinition = {
    ...whole,
    ...to,
    kind: 'r',
    ofType: undefined,
    parents: [],
    parentOids: [],
    partitionKey: undefined,
    partitionBound: undefined,
    columns,
    constraints: whole.constraints
      .filter(one => (one.kind === 'n' ? one.columns.every(name => intact.has(name)) : hasAll(constraintText(one), one.columns)))
      .map(one => ({
        ...one,
        isLocal: true,
        isOfParent: false,
        index: one.index === undefined ? undefined : { ...one.index, parent: undefined },
      })),
    indexes: whole.indexes
      .filter(one => one.isValid && hasAll(`index ${JSON.stringify(one.name)}`, one.columns))
      .map(one => ({ ...one, parent: undefined })),
    statistics: whole.statistics
      .filter(one => hasAll(`statistics ${JSON.stringify(one.name)}`, one.columns))
      .map(one => ({ ...one, schema: to.schema })),
  };
  return { definition: withIdentityThere(definition), leftOut };
}

type Check = (what: string, columns: readonly string[]) => boolean;

/** Sequences keep their name only where the table keeps its own. */
function ownColumn(column: ColumnDefinition, field: Field, type: string, isSameName: boolean, hasAll: Check): ColumnDefinition {
  const { generated, sequence } = column;
  const isGenerated = generated !== undefined && hasAll(`generation of column ${JSON.stringify(field.name)}`, generated.columns);
  return {
    ...column,
    name: field.name,
    type,
    isNotNull: !field.nullable,
    isLocal: true,
    generated: isGenerated ? generated : undefined,
    sequence: sequence === undefined || isSameName ? sequence : unnamed(column, sequence),
  };
}

/** One that numbers nothing stays where it is. */
function unnamed({ identity, isSerial }: ColumnDefinition, sequence: SequenceDefinition): SequenceDefinition | undefined {
  return identity !== undefined || isSerial ? { ...sequence, name: undefined } : undefined;
}

function plainColumn({ name, nullable }: Field, type: string): ColumnDefinition {
  return {
    name,
    type,
    isNotNull: !nullable,
    collation: undefined,
    storage: undefined,
    compression: undefined,
    statisticsTarget: undefined,
    options: [],
    defaultsTo: undefined,
    generated: undefined,
    identity: undefined,
    sequence: undefined,
    isSerial: false,
    isLocal: true,
    comment: undefined,
  };
}

const CONSTRAINTS = { p: 'primary key', u: 'unique key', x: 'exclusion', c: 'check', f: 'foreign key', n: 'not null' } as const;

export function constraintText({ kind, name }: TableDefinition['constraints'][number]): string {
  return `${CONSTRAINTS[kind]} ${JSON.stringify(name)}`;
}

function placesLeftOut({ partitionKey, partitionBound, parents }: TableDefinition): string[] {
  const parent = parents.map(({ schema, name }) => JSON.stringify(`${schema}.${name}`)).join(', ');
  if (partitionKey !== undefined) return ['partitions: the table is made as an ordinary one; copy the database to keep them'];
  if (partitionBound !== undefined) return [`place as a partition of ${parent}: the table is made as an ordinary one`];
  return parents.length > 0 ? [`inheritance from ${parent}: the table is made with columns of its own`] : [];
}

/** An index by which changes are told may be gone. */
function withIdentityThere(definition: TableDefinition): TableDefinition {
  const { replicaIdentity, indexes, constraints } = definition;
  if (replicaIdentity === undefined || typeof replicaIdentity === 'string') return definition;
  const isThere = [...indexes, ...constraints].some(({ name }) => name === replicaIdentity.index);
  return isThere ? definition : { ...definition, replicaIdentity: undefined };
}

function listOf(names: readonly string[]): string {
  return names.map(name => `column ${JSON.stringify(name)}`).join(', ');
}
