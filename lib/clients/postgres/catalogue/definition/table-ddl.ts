/** What makes a table that rows can be loaded into: columns with all that is theirs, checks, partitions; keys and indexes come after. */
import { type QualifiedName, quoteIdentifier, quoteLiteral, quoteQualifiedName } from '../../../../values/identifiers.ts';
import { type Ddl, type DdlPlace, namesAt, placeOf } from './ddl.ts';
import type { ColumnDefinition, ConstraintDefinition, SequenceDefinition, TableDefinition } from './model.ts';

/**
 * Sequences that columns own, the table, and what of its columns may depend on functions (defaults, checks). The first statement that makes the
 * table has to succeed; of those after it each may fail alone.
 */
export function tableDdl(definition: TableDefinition, place: DdlPlace = placeOf(definition)): Ddl[] {
  const names = namesAt(place);
  const of = `of table ${names.shown}`;
  return [
    ...namedSequences(definition).map(({ name, sequence }) => sequenceDdl(name, sequence)),
    { object: `table ${names.shown}`, sql: createTable(definition, names.table) },
    ...definition.columns.flatMap(column => columnDdl(column, names.table, of)),
    ...inheritedNotNulls(definition, place, of),
    ...checks(definition).map(check => constraintDdl(check, place)),
    ...definition.columns.flatMap(column => ownerDdl(column, names.table, of)),
    ...attachDdl(definition, names.table, of),
  ];
}

/** As `ALTER TABLE … ADD CONSTRAINT`. */
export function constraintDdl(constraint: ConstraintDefinition, place: DdlPlace, only = ''): Ddl {
  const { table, shown, own } = namesAt(place);
  return {
    object: `${CONSTRAINTS[constraint.kind]} ${JSON.stringify(constraint.name)} of table ${shown}`,
    sql: `ALTER TABLE ${only}${table} ADD CONSTRAINT ${own(constraint.name)} ${definitionAt(constraint, place)}`,
    ...(constraint.references === undefined ? {} : { references: constraint.references }),
  };
}

function definitionAt({ definition, references }: ConstraintDefinition, { table, self }: DdlPlace): string {
  if (references === undefined || references.oid !== self) return definition;
  const [before, behind] = references.around;
  return `${before} REFERENCES ${quoteQualifiedName(table)}${behind}`;
}

const CONSTRAINTS = { p: 'primary key', u: 'unique key', x: 'exclusion', c: 'check', f: 'foreign key', n: 'not null' } as const;

/** Checks that hold for what is there already; the server looks at each row that comes. */
function checks({ constraints, parents, partitionBound }: TableDefinition): ConstraintDefinition[] {
  const isInherited = parents.length > 0 && partitionBound === undefined;
  return constraints.filter(({ kind, isValid, isLocal }) => kind === 'c' && isValid && (isLocal || !isInherited));
}

function createTable(definition: TableDefinition, name: string): string {
  const { isUnlogged, columns, parents, partitionKey, partitionBound, accessMethod, options, ofType, constraints } = definition;
  const isInherited = parents.length > 0 && partitionBound === undefined;
  const own = isInherited ? columns.filter(column => column.isLocal) : columns;
  const notNulls = new Map(constraints.flatMap(one => (one.kind === 'n' ? one.columns.map(column => [column, one] as const) : [])));
  const list = own.map(column => columnSql(column, { notNull: notNulls.get(column.name), isTyped: ofType !== undefined }));
  const isEmptyTyped = ofType !== undefined && list.length === 0;
  return [
    `CREATE ${isUnlogged ? 'UNLOGGED ' : ''}TABLE ${name}`,
    ...(ofType === undefined ? [] : [`OF ${ofType}`]),
    ...(isEmptyTyped ? [] : [`(${list.join(', ')})`]),
    ...(isInherited ? [`INHERITS (${parents.map(quoteQualifiedName).join(', ')})`] : []),
    ...(partitionKey === undefined ? [] : [`PARTITION BY ${partitionKey}`]),
    ...(accessMethod === undefined ? [] : [`USING ${quoteIdentifier(accessMethod)}`]),
    ...(options.length === 0 ? [] : [`WITH (${options.map(optionSql).join(', ')})`]),
  ].join(' ');
}

/** `fillfactor=70` as SQL writes it. */
export function optionSql(option: string): string {
  const at = option.indexOf('=');
  const name = option.slice(0, at).split('.').map(quoteIdentifier).join('.');
  return `${name}=${quoteLiteral(option.slice(at + 1))}`;
}

interface ColumnPlace {
  readonly notNull: ConstraintDefinition | undefined;
  readonly isTyped: boolean;
}

function columnSql(column: ColumnDefinition, { notNull, isTyped }: ColumnPlace): string {
  const { name, type, collation, isNotNull, generated, identity, sequence, isSerial } = column;
  const isServerNamed = isSerial && sequence?.name === undefined;
  return [
    quoteIdentifier(name),
    ...(isTyped ? ['WITH OPTIONS'] : [isServerNamed ? (SERIAL[type] ?? type) : type]),
    ...(collation === undefined || isTyped ? [] : [`COLLATE ${collation}`]),
    ...(isNotNull && notNull?.isValid !== false ? [notNullSql(notNull)] : []),
    ...(generated === undefined ? [] : [`GENERATED ALWAYS AS (${generated.expression}) ${generated.isVirtual ? 'VIRTUAL' : 'STORED'}`]),
    ...(identity === undefined || sequence === undefined ? [] : [`GENERATED ${identity} AS IDENTITY (${identityOptions(sequence)})`]),
  ].join(' ');
}

const SERIAL: Readonly<Record<string, string>> = { smallint: 'smallserial', integer: 'serial', bigint: 'bigserial' };

function notNullSql(constraint: ConstraintDefinition | undefined): string {
  if (constraint === undefined) return 'NOT NULL';
  const isOnly = constraint.definition.endsWith(' NO INHERIT');
  return `CONSTRAINT ${quoteIdentifier(constraint.name)} NOT NULL${isOnly ? ' NO INHERIT' : ''}`;
}

function identityOptions(sequence: SequenceDefinition): string {
  const name = sequence.name === undefined ? '' : `SEQUENCE NAME ${quoteQualifiedName(sequence.name)} `;
  return name + sequenceOptions(sequence);
}

function sequenceOptions({ start, increment, min, max, cache, isCycling }: SequenceDefinition): string {
  return `START WITH ${start} INCREMENT BY ${increment} MINVALUE ${min} MAXVALUE ${max} CACHE ${cache} ${isCycling ? 'CYCLE' : 'NO CYCLE'}`;
}

/** A sequence of its own. */
export function sequenceDdl(name: QualifiedName, sequence: SequenceDefinition): Ddl {
  return {
    object: `sequence ${JSON.stringify(name.name)}`,
    sql: `CREATE SEQUENCE ${quoteQualifiedName(name)} AS ${sequence.type} ${sequenceOptions(sequence)}`,
  };
}

/** Sequences that have to be there before the table: its columns own them, but do not number by identity. */
function namedSequences({ columns }: TableDefinition): { name: QualifiedName; sequence: SequenceDefinition }[] {
  return columns.flatMap(({ identity, sequence }) =>
    identity !== undefined || sequence?.name === undefined ? [] : [{ name: sequence.name, sequence }],
  );
}

function columnDdl(column: ColumnDefinition, table: string, of: string): Ddl[] {
  const { name, isLocal, defaultsTo, isSerial, sequence, storage, compression, statisticsTarget, options, generated } = column;
  const quoted = quoteIdentifier(name);
  const alter = (what: string, action: string): Ddl => ({
    object: `${what} of column ${JSON.stringify(name)} ${of}`,
    sql: `ALTER TABLE ONLY ${table} ALTER COLUMN ${quoted} ${action}`,
  });
  const next = isSerial && sequence?.name !== undefined ? nextValue(sequence.name) : undefined;
  const value = defaultsTo ?? next;
  return [
    ...(value === undefined ? [] : [alter('default', `SET DEFAULT ${value}`)]),
    ...(isLocal || value !== undefined || generated !== undefined ? [] : [alter('default', 'DROP DEFAULT')]),
    ...(storage === undefined ? [] : [alter('storage', `SET STORAGE ${storage}`)]),
    ...(compression === undefined ? [] : [alter('compression', `SET COMPRESSION ${compression}`)]),
    ...(statisticsTarget === undefined ? [] : [alter('statistics', `SET STATISTICS ${statisticsTarget}`)]),
    ...(options.length === 0 ? [] : [alter('options', `SET (${options.map(optionSql).join(', ')})`)]),
  ];
}

/** Columns of a parent that only this table keeps from being null. */
function inheritedNotNulls({ columns, constraints }: TableDefinition, place: DdlPlace, of: string): Ddl[] {
  return columns.flatMap(({ name, isLocal, isNotNull }) => {
    if (isLocal || !isNotNull) return [];
    const constraint = constraints.find(({ kind, columns: [column] }) => kind === 'n' && column === name);
    if (constraint !== undefined) return constraint.isLocal ? [constraintDdl(constraint, place)] : [];
    const sql = `ALTER TABLE ONLY ${namesAt(place).table} ALTER COLUMN ${quoteIdentifier(name)} SET NOT NULL`;
    return [{ object: `not null of column ${JSON.stringify(name)} ${of}`, sql }];
  });
}

function nextValue(name: QualifiedName): string {
  return `nextval(${quoteLiteral(quoteQualifiedName(name))}::regclass)`;
}

function ownerDdl({ name, identity, sequence, isSerial, type }: ColumnDefinition, table: string, of: string): Ddl[] {
  if (identity !== undefined || sequence === undefined) return [];
  const column = `${table}.${quoteIdentifier(name)}`;
  if (sequence.name === undefined) {
    if (!isSerial || SERIAL[type] === undefined) return [];
    return [{ object: `sequence of column ${JSON.stringify(name)} ${of}`, sql: serialOptions(table, name, sequence) }];
  }
  const quoted = quoteQualifiedName(sequence.name);
  return [{ object: `sequence ${JSON.stringify(sequence.name.name)}`, sql: `ALTER SEQUENCE ${quoted} OWNED BY ${column}` }];
}

/** A sequence that the server has named is reached through its column. */
function serialOptions(table: string, column: string, sequence: SequenceDefinition): string {
  const call = `pg_catalog.pg_get_serial_sequence(${quoteLiteral(table)}, ${quoteLiteral(column)})`;
  const body = `BEGIN EXECUTE 'ALTER SEQUENCE ' || ${call} || ' ${sequenceOptions(sequence)}'; END`;
  return `DO ${quoteLiteral(body)}`;
}

function attachDdl({ partitionBound, parents }: TableDefinition, table: string, of: string): Ddl[] {
  const [parent] = parents;
  if (partitionBound === undefined || parent === undefined) return [];
  return [
    {
      object: `place as a partition ${of}`,
      sql: `ALTER TABLE ONLY ${quoteQualifiedName(parent)} ATTACH PARTITION ${table} ${partitionBound}`,
    },
  ];
}
