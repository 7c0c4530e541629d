/** What can be read on a server, without the driver: users see these types. */
import type { Field } from '../../../schema/schema.ts';
import type { DataType } from '../../../schema/types.ts';

/** A type as a server has it. */
export interface ServerType {
  readonly type: DataType;
  /** False for arrays whose elements are of a domain: their binary form names that domain. */
  readonly isPlain: boolean;
  /** False for the few types without a binary form. */
  readonly hasBinary: boolean;
}

/** A column of a table or of a query's result, on its server. */
export interface ServerColumn {
  readonly name: string;
  readonly type: DataType;
  readonly nullable: boolean;
  readonly server: ServerType;
  /** The expression of a generated column. */
  readonly generatedBy?: string;
  /** Of a column of a table. */
  readonly collation?: Field['collation'];
}

export interface Relation {
  readonly columns: readonly ServerColumn[];
  /** Names of the columns of the primary key, in its order; none where there is none. */
  readonly primaryKey: readonly string[];
  /** Where rows are read from, as SQL writes it: a quoted name. */
  readonly name: string;
  /** `COPY name (columns)` gives all of it: an ordinary table without children, none of its columns generated. */
  readonly isPlainTable: boolean;
  /** Rows, about, as the server last counted; undefined when it never did. */
  readonly estimatedRows: number | undefined;
}
