import type { RecordBatch } from './batch.ts';
import type { Origin, View } from './batch.ts';
import { type Column, SelectedColumn } from './column.ts';
import { recordCode } from './record-code.ts';

type Constructor = (gets: readonly Column[], length: number) => object[];

const compiled = new Map<string, Constructor>();

/**
 * Objects of always the same shape, made by generated code: keys in the order of `names`. Where code generation is off it falls back to a loop.
 */
export function constructRows(names: readonly string[], columns: readonly Column[], length: number): object[] {
  const key = JSON.stringify(names);
  let construct = compiled.get(key);
  if (construct === undefined) {
    construct = compile(names);
    if (compiled.size >= 256) compiled.clear();
    compiled.set(key, construct);
  }
  return construct(columns, length);
}

/** Objects of some fields of the rows of a batch. */
export function fieldsOf(batch: RecordBatch, names: readonly string[]): Record<string, unknown>[] {
  return constructRows(
    names,
    names.map(name => batch.column(name)),
    batch.length,
  ) as Record<string, unknown>[];
}

/** The rows of a view of this origin, column by column. */
export function rowsByColumn(origin: Pick<Origin, 'column'>, { columns, selection, length }: View): object[] {
  const shown = columns.map(column => {
    if ('overlay' in column) return column.overlay;
    const whole = origin.column(column.index, column.type);
    return selection === undefined ? whole : new SelectedColumn(whole, selection);
  });
  return constructRows(
    columns.map(({ name }) => name),
    shown,
    length,
  );
}

function compile(names: readonly string[]): Constructor {
  const gets = names.map((_, i) => `const c${i} = columns[${i}];`).join('');
  const { setup, record } = recordCode(names);
  try {
    const make = new Function(`${setup}
      return function construct(columns, length) {
        ${gets}
        const rows = new Array(length);
        for (let i = 0; i < length; i++) rows[i] = ${record(names.map((_, i) => `c${i}.get(i)`))};
        return rows;
      };`) as () => Constructor;
    return make();
  } catch {
    return (columns, length) => Array.from({ length }, (_, row) => construct(names, columns, row));
  }
}

function construct(names: readonly string[], columns: readonly Column[], row: number): object {
  const made = {};
  for (let i = 0; i < names.length; i++) {
    Object.defineProperty(made, names[i] as string, {
      value: (columns[i] as Column).get(row),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return made;
}
