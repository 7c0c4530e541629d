/** How the rules of a table that is there differ from those of the table that the records come from. By what they say, not by their names. */
import { constraintText } from './adapt.ts';
import type { ConstraintDefinition, IndexDefinition, TableDefinition } from './model.ts';

/** A sentence each; none where both have the same. `there`: the table that is written to. */
export function differencesOf(source: TableDefinition, there: TableDefinition): string[] {
  const [lacking, more] = [without(source, there), without(there, source)];
  const stricter = more.filter(({ isRule }) => isRule).map(({ text }) => text);
  const [nullable, notNull] = [nullableOnly(there, source), nullableOnly(source, there)];
  return [
    ...(lacking.length === 0 ? [] : [`it lacks what the table that the records come from has: ${textsOf(lacking)}`]),
    ...(nullable.length === 0 ? [] : [`these columns may be null in it, unlike those that they come from: ${nullable.join(', ')}`]),
    ...(stricter.length === 0 ? [] : [`it refuses rows that the table that they come from does not: ${stricter.join('; ')}`]),
    ...(notNull.length === 0 ? [] : [`it refuses null, unlike the columns that they come from: ${notNull.join(', ')}`]),
  ];
}

interface Rule {
  readonly text: string;
  /** Equal for what does the same. */
  readonly key: string;
  /** Rows are refused by it. */
  readonly isRule: boolean;
}

function without(one: TableDefinition, other: TableDefinition): Rule[] {
  const known = new Set(rulesOf(other).map(({ key }) => key));
  return rulesOf(one).filter(({ key }) => !known.has(key));
}

function rulesOf(table: TableDefinition): Rule[] {
  const { constraints, indexes } = table;
  return [
    ...constraints
      .filter(({ kind }) => kind !== 'n')
      .map(one => ({ text: `${constraintText(one)} (${one.definition})`, key: constraintKey(one, table), isRule: true })),
    ...indexes
      .filter(({ isValid }) => isValid)
      .map(one => ({ text: `${indexText(one)} (${one.definition})`, key: indexKey(one), isRule: one.isUnique })),
  ];
}

/** A foreign key to the table itself refers to itself in every table. */
function constraintKey({ kind, definition, references }: ConstraintDefinition, { oid }: TableDefinition): string {
  if (kind === 'f' && references?.oid === oid) return `${references.around[0]} REFERENCES ${references.around[1]}`;
  return kind === 'u' ? (uniqueKey(definition.replace(/^UNIQUE /, '')) ?? definition) : definition;
}

function indexKey({ isUnique, definition }: IndexDefinition): string {
  const key = isUnique ? uniqueKey(definition.replace(/^USING btree /, '')) : undefined;
  return key ?? `${isUnique ? 'UNIQUE ' : ''}${definition}`;
}

/** A unique key and a unique index of the same columns do the same. */
function uniqueKey(columns: string): string | undefined {
  return /^\((?:[^()"]|"[^"]*")*\)$/.test(columns) ? `unique ${columns}` : undefined;
}

function indexText({ isUnique, name }: IndexDefinition): string {
  return `${isUnique ? 'unique ' : ''}index ${JSON.stringify(name)}`;
}

/** Columns that may be null in the first table, and not in the second. */
function nullableOnly(one: TableDefinition, other: TableDefinition): string[] {
  const notNull = new Set(other.columns.filter(({ isNotNull }) => isNotNull).map(({ name }) => name));
  return one.columns.filter(({ name, isNotNull }) => !isNotNull && notNull.has(name)).map(({ name }) => JSON.stringify(name));
}

function textsOf(rules: readonly Rule[]): string {
  return rules.map(({ text }) => text).join('; ');
}
