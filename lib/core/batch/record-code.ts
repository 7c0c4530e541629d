/** Generated code that makes records. */
export interface RecordCode {
  /** Statements for the outer function: they run once, not once a batch. */
  readonly setup: string;
  /** The expression that makes a record of these expressions, one a name. */
  readonly record: (values: readonly string[]) => string;
}

/** Beyond so many fields V8 builds objects field by field as dictionaries. */
const MOST_FIELDS = 250;

/**
 * Plain objects of always the same shape, keys in the order of `names`. They are made by a constructor, not by a literal: all of a batch live until
 * it is written, from which V8 would learn to put what this literal makes where only a full collection gets at it. Names enter the
 * code only through JSON.stringify.
 */
export function recordCode(names: readonly string[]): RecordCode {
  // To set a field that every object inherits is not to define it.
  if (names.length > MOST_FIELDS || names.some(name => name in Object.prototype)) return literalCode(names);
  const fields = names.map((name, i) => `this[${JSON.stringify(name)}] = v${i};`).join(' ');
  return {
    setup: `function Record(${names.map((_, i) => `v${i}`).join(', ')}) { ${fields} } Record.prototype = Object.prototype;`,
    record: values => `new Record(${values.join(', ')})`,
  };
}

/** A literal `"__proto__":` would set the prototype, a computed key does not. */
function literalCode(names: readonly string[]): RecordCode {
  const keys = names.map(name => (name === '__proto__' ? `[${JSON.stringify(name)}]` : JSON.stringify(name)));
  return { setup: '', record: values => `{ ${values.map((value, i) => `${keys[i]}: ${value}`).join(', ')} }` };
}
