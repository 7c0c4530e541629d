import type { Column } from './column.ts';

type Constructor = (gets: readonly Column[], length: number) => object[];

const compiled = new Map<string, Constructor>();

/**
 * Objects of always the same shape, made by a compiled constructor: keys in the order of `names`. Names enter the generated code only
 * through JSON.stringify, as computed keys (a literal `"__proto__":` would set the prototype). Where code generation is off it falls
 * back to a loop.
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

function compile(names: readonly string[]): Constructor {
  const gets = names.map((_, i) => `const c${i} = columns[${i}];`).join('');
  const literal = names.map((name, i) => `${objectKey(name)}: c${i}.get(i)`).join(', ');
  try {
    return new Function(
      'columns',
      'length',
      `${gets} const rows = new Array(length); for (let i = 0; i < length; i++) rows[i] = { ${literal} }; return rows;`,
    ) as Constructor;
  } catch {
    return (columns, length) => Array.from({ length }, (_, row) => construct(names, columns, row));
  }
}

/** A key of an object literal in generated code. */
export function objectKey(name: string): string {
  return name === '__proto__' ? `[${JSON.stringify(name)}]` : JSON.stringify(name);
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
