/**
 * What a column is. The kinds are those of the value table's first column (docs/values.md): PostgreSQL's names, because they are the
 * most exact of all the places that Millrace joins. One column has one type, for all its rows.
 */
export type TypeKind =
  | 'bool'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'oid'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'text'
  | 'varchar'
  | 'bpchar'
  | 'bytea'
  | 'uuid'
  | 'enum'
  | 'json'
  | 'jsonb'
  | 'timestamptz'
  | 'timestamp'
  | 'date'
  | 'time'
  | 'timetz'
  | 'interval'
  | 'array'
  /** Anything else (inet, ranges, composites, tsvector, …): in a record the text that PostgreSQL prints. `name` says which. */
  | 'other';

/** The type of a column, with what is declared of it. docs/values.md tells what its values are in a record. */
export interface DataType {
  readonly kind: TypeKind;
  /** numeric(precision, scale); for time types the digits of a second, when declared. */
  readonly precision?: number;
  readonly scale?: number;
  /** varchar(length), char(length), in characters. */
  readonly length?: number;
  /** Of an array. */
  readonly element?: DataType;
  /**
   * Of kinds enum and other: the type's name as SQL writes it, quoted and qualified where needed (`public.mood`, `int4range`). Of an interval
   * that keeps some fields only: `interval year to month`.
   */
  readonly name?: string;
  /** Labels of an enum, in order. */
  readonly labels?: readonly string[];
  /** The domain that it was declared with, as SQL writes it; all else here says what that is made of. */
  readonly domain?: string;
}

/** One type for each field type of the older package (docs/values.md), and the names people say. */
export const TYPE_ALIASES = {
  string: 'text',
  integer: 'int8',
  float: 'float8',
  boolean: 'bool',
  datetime: 'timestamptz',
  binary: 'bytea',
  bigint: 'int8',
  int: 'int4',
  smallint: 'int2',
  real: 'float4',
  double: 'float8',
  decimal: 'numeric',
  char: 'bpchar',
} as const satisfies Record<string, TypeKind>;

const type = (kind: TypeKind): DataType => ({ kind });
export const TEXT = type('text');
export const BOOL = type('bool');
export const INT4 = type('int4');
export const INT8 = type('int8');
export const FLOAT8 = type('float8');
export const NUMERIC = type('numeric');
export const TIMESTAMPTZ = type('timestamptz');
export const JSONB = type('jsonb');
export const BYTEA = type('bytea');

/** The type as SQL writes it: `numeric(14,4)`, `character varying(20)`, `text[]`, `public.mood`. */
export function typeName(t: DataType): string {
  switch (t.kind) {
    case 'array':
      return `${typeName(t.element ?? TEXT)}[]`;
    case 'enum':
    case 'other':
      return t.name ?? 'text';
    case 'numeric':
      return t.precision === undefined ? 'numeric' : `numeric(${t.precision},${t.scale ?? 0})`;
    case 'varchar':
    case 'bpchar':
      return t.length === undefined ? t.kind : `${t.kind === 'bpchar' ? 'char' : t.kind}(${t.length})`;
    case 'timestamptz':
    case 'timestamp':
    case 'time':
    case 'timetz':
      return t.precision === undefined
        ? t.kind
        : `${t.kind === 'timestamptz' || t.kind === 'timetz' ? t.kind.slice(0, -2) : t.kind}(${t.precision})${t.kind.endsWith('tz') ? ' with time zone' : ''}`;
    case 'interval':
      return `${t.name ?? t.kind}${t.precision === undefined ? '' : `(${t.precision})`}`;
    default:
      return t.kind;
  }
}

/** Same type for the wire: kind, name and element; precision and scale only when `exact`. */
export function sameType(a: DataType, b: DataType, exact = true): boolean {
  if (a.kind !== b.kind || a.name !== b.name) return false;
  if (exact && (a.precision !== b.precision || a.scale !== b.scale || a.length !== b.length)) return false;
  if (a.element === undefined || b.element === undefined) return a.element === b.element;
  return sameType(a.element, b.element, exact);
}
