import { MillraceError, suggestion } from '../errors.ts';
import type { DataType } from './types.ts';
import { sameType, typeName } from './types.ts';

/** A column. */
export interface Field {
  /** Any string, also `__proto__` and the empty one. */
  readonly name: string;
  readonly type: DataType;
  /** False where null cannot be. */
  readonly nullable: boolean;
  /** Text as a file had it (CSV): a type is only a guess. Predicates read it as the literal's type, tables are made by inference. */
  readonly untyped?: true;
  /** Nobody declared the type: it was found from the first records, as JSON and objects hold them. */
  readonly inferred?: true;
  /**
   * How a database compares its text: by code point; or by other rules, under which two texts are equal only where they are the same. Not there:
   * nobody knows.
   */
  readonly collation?: 'code point' | 'deterministic';
  /** The expression that a database makes its values by, as that prints it. */
  readonly generatedBy?: string;
  /** The column whose values these are, of what the schema's `origin` tells of. */
  readonly origin?: string;
}

/** What a schema was read from. A sink of the same kind may ask it for more than the columns, to make the same again. */
export interface SchemaOrigin {
  readonly kind: string;
}

/** The columns of a batch, in order. Names are data: any string, each once. Immutable. */
export class Schema {
  readonly fields: readonly Field[];
  readonly origin: SchemaOrigin | undefined;
  readonly #index: Map<string, number>;

  constructor(fields: readonly Field[], origin?: SchemaOrigin) {
    this.fields = fields;
    this.origin = origin;
    this.#index = new Map();
    for (const [i, field] of fields.entries()) {
      if (this.#index.has(field.name)) {
        throw new MillraceError(
          'COLUMN_DUPLICATE',
          `two columns are called ${JSON.stringify(field.name)}; give each column a name of its own`,
        );
      }
      this.#index.set(field.name, i);
    }
  }

  /** Names of the columns, in order. */
  get names(): string[] {
    return this.fields.map(field => field.name);
  }

  /** True where there is a column of this name. */
  has(name: string): boolean {
    return this.#index.has(name);
  }

  /** Position of a column, -1 when it is not there. */
  indexOf(name: string): number {
    return this.#index.get(name) ?? -1;
  }

  /** The column called `name`; COLUMN_UNKNOWN with the nearest name when there is none. */
  field(name: string): Field {
    const field = this.fields[this.indexOf(name)];
    if (field === undefined) throw new MillraceError('COLUMN_UNKNOWN', `no column ${JSON.stringify(name)}${suggestion(name, this.names)}`);
    return field;
  }

  /** These columns, in the order given. */
  project(names: readonly string[]): Schema {
    return new Schema(
      names.map(name => this.field(name)),
      this.origin,
    );
  }

  /** All names at once: `{ a: 'b', b: 'a' }` swaps. A name that is not there, or a result with a name twice, is an error. */
  rename(names: Readonly<Record<string, string>>): Schema {
    for (const from of Object.keys(names)) this.field(from);
    return new Schema(
      this.fields.map(field => (Object.hasOwn(names, field.name) ? { ...field, name: names[field.name] as string } : field)),
      this.origin,
    );
  }

  /** With this column in place of the one of that name, or at the end. */
  with(field: Field): Schema {
    const at = this.indexOf(field.name);
    return new Schema(at < 0 ? [...this.fields, field] : this.fields.with(at, field), this.origin);
  }

  /** The same columns of the same types, in the same order. */
  equals({ fields }: Schema): boolean {
    if (fields === this.fields) return true;
    return (
      fields.length === this.fields.length &&
      this.fields.every(({ name, type, nullable, untyped }, i) => {
        const other = fields[i] as Field;
        return name === other.name && nullable === other.nullable && untyped === other.untyped && sameType(type, other.type);
      })
    );
  }

  /** For messages and `plan`: `id int8, name text?`. */
  toString(): string {
    return this.fields.map(field => `${field.name} ${typeName(field.type)}${field.nullable ? '?' : ''}`).join(', ');
  }
}
