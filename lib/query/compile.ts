import type { Schema } from '../schema/schema.ts';
import { testOf, type ValueTest } from './compile-comparison.ts';
import { walk } from './path.ts';
import type { Comparison, Predicate } from './predicate.ts';
import { pathsOf } from './predicate.ts';
import { columnsAt, type ColumnPath } from './resolve.ts';

/** A predicate as functions, each operator a closure of its own. */
export interface CompiledPredicate {
  /** The columns that it looks at. Without a schema `a.b` may be a column or a field of `a`, so both stand here. */
  readonly columns: readonly string[];
  /** Of a record. */
  row(record: Readonly<Record<string, unknown>>): boolean;
  /** Of the values of `columns`, in their order. */
  values(values: readonly unknown[]): boolean;
  /** Of the value of the only column, where there is one. */
  readonly value: ValueTest | undefined;
  /** Predicates that must all hold, each over other columns than the others: what the first leaves out need not be decoded for the next. */
  readonly conjuncts: readonly CompiledPredicate[];
}

/**
 * Compiles a predicate for records of a schema, whose types say what texts stand for (digits, dates). Without a schema a text is a text.
 * COLUMN_UNKNOWN, with the nearest name, for a column that the schema does not have.
 */
export function compilePredicate(predicate: Predicate, schema?: Schema): CompiledPredicate {
  const scope: Scope = { schema, tests: new Map() };
  const whole = compileIn(scope, predicate);
  const groups = groupByColumns(predicate, schema);
  return { ...whole, conjuncts: groups.length < 2 ? [whole] : groups.map(group => compileIn(scope, group)) };
}

interface Scope {
  readonly schema: Schema | undefined;
  /** The tests of a comparison by column, each compiled once for all the forms in which it is asked. */
  readonly tests: Map<Comparison, ReadonlyMap<string, ValueTest>>;
}

function compileIn(scope: Scope, predicate: Predicate): CompiledPredicate {
  const columns = columnsOf(predicate, scope.schema);
  const compiled = {
    columns,
    row: compileTree(predicate, comparison => rowTest(testsOf(scope, comparison))),
    values: compileTree(predicate, comparison => valuesTest(testsOf(scope, comparison), columns)),
    value: columns.length === 1 ? compileTree(predicate, comparison => soleTest(testsOf(scope, comparison))) : undefined,
  };
  return { ...compiled, conjuncts: [{ ...compiled, conjuncts: [] }] };
}

function columnsOf(predicate: Predicate, schema: Schema | undefined): string[] {
  return [...new Set(pathsOf(predicate).flatMap(path => columnsAt(path, schema).map(({ column }) => column)))];
}

function testsOf({ schema, tests }: Scope, comparison: Comparison): ReadonlyMap<string, ValueTest> {
  const known = tests.get(comparison);
  if (known !== undefined) return known;
  const made = new Map(columnsAt(comparison.path, schema).map(way => [way.column, nestedTest(comparison, way)]));
  tests.set(comparison, made);
  return made;
}

/** The parts of a conjunction, those over the same columns together. */
function groupByColumns(predicate: Predicate, schema: Schema | undefined): Predicate[] {
  if (predicate.op !== 'and') return [predicate];
  const groups = new Map<string, Predicate[]>();
  for (const part of predicate.of) {
    const key = JSON.stringify(columnsOf(part, schema).sort());
    groups.set(key, [...(groups.get(key) ?? []), part]);
  }
  return [...groups.values()].map(of => (of.length === 1 ? (of[0] as Predicate) : { op: 'and', of }));
}

type Test<From> = (from: From) => boolean;

function compileTree<From>(predicate: Predicate, leaf: (comparison: Comparison) => Test<From>): Test<From> {
  switch (predicate.op) {
    case 'and':
      return all(predicate.of.map(part => compileTree(part, leaf)));
    case 'or':
      return any(predicate.of.map(part => compileTree(part, leaf)));
    case 'not': {
      const test = compileTree(predicate.of[0], leaf);
      return from => !test(from);
    }
    default:
      return leaf(predicate);
  }
}

function all<From>(tests: readonly Test<From>[]): Test<From> {
  const [first, second, third] = tests;
  if (first === undefined) return () => true;
  if (second === undefined) return first;
  if (third === undefined) return from => first(from) && second(from);
  return from => {
    for (let i = 0; i < tests.length; i++) if (!(tests[i] as Test<From>)(from)) return false;
    return true;
  };
}

function any<From>(tests: readonly Test<From>[]): Test<From> {
  const [first, second, third] = tests;
  if (first === undefined) return () => false;
  if (second === undefined) return first;
  if (third === undefined) return from => first(from) || second(from);
  return from => {
    for (let i = 0; i < tests.length; i++) if ((tests[i] as Test<From>)(from)) return true;
    return false;
  };
}

function rowTest(tests: ReadonlyMap<string, ValueTest>): Test<Readonly<Record<string, unknown>>> {
  const [first] = tests;
  if (first === undefined) return () => false;
  const [column, test] = first;
  if (tests.size === 1) {
    // What every object inherits (`constructor`, `toString`) is no column.
    return column in Object.prototype
      ? record => test(Object.hasOwn(record, column) ? record[column] : null)
      : record => test(record[column]);
  }
  return record => {
    for (const [name, way] of tests) if (Object.hasOwn(record, name)) return way(record[name]);
    return test(null);
  };
}

function valuesTest(tests: ReadonlyMap<string, ValueTest>, columns: readonly string[]): Test<readonly unknown[]> {
  const ways = [...tests].map(([column, test]) => ({ at: columns.indexOf(column), test }));
  const [first] = ways;
  if (first === undefined) return () => false;
  const { at, test } = first;
  if (ways.length === 1) return values => test(values[at]);
  return values => {
    for (const way of ways) if (values[way.at] !== undefined) return way.test(values[way.at]);
    return test(null);
  };
}

function soleTest(tests: ReadonlyMap<string, ValueTest>): ValueTest {
  const [test] = tests.values();
  return test ?? (() => false);
}

function nestedTest(comparison: Comparison, { rest, field }: ColumnPath): ValueTest {
  if (rest.length === 0) return testOf(comparison, field);
  const test = testOf(comparison, undefined);
  return value => test(walk(value, rest));
}
