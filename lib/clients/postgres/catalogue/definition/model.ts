/** What hangs on a table, as the server's catalogue has it. Types and expressions are SQL, every name in them qualified. */
import type { QualifiedName } from '../../../../values/identifiers.ts';

export interface SchemaName extends QualifiedName {
  readonly schema: string;
}

export interface TableDefinition extends SchemaName {
  readonly oid: number;
  /** `r`: a table, `p`: a partitioned one, `f`: a foreign one, `v`: a view, `m`: a materialized one. */
  readonly kind: string;
  readonly isUnlogged: boolean;
  /** Belongs to an extension. */
  readonly isOfExtension: boolean;
  /** Storage parameters, as `fillfactor=70`; those of its TOAST table as `toast.…`. */
  readonly options: readonly string[];
  /** Undefined: the server's default. */
  readonly accessMethod: string | undefined;
  /** Of a table that was made `OF` a type. */
  readonly ofType: string | undefined;
  /** Of a partitioned table: `RANGE (made_at)`. */
  readonly partitionKey: string | undefined;
  /** Of a partition: `FOR VALUES FROM (…) TO (…)`. */
  readonly partitionBound: string | undefined;
  /** What it inherits from or is a partition of, in order. */
  readonly parents: readonly SchemaName[];
  readonly parentOids: readonly number[];
  readonly columns: readonly ColumnDefinition[];
  readonly constraints: readonly ConstraintDefinition[];
  /** But those that a constraint brings. */
  readonly indexes: readonly IndexDefinition[];
  readonly statistics: readonly StatisticsDefinition[];
  readonly comment: string | undefined;
  /** Bytes that its rows take, about. */
  readonly bytes: number;
  readonly estimatedRows: number | undefined;
  readonly security: SecurityDefinition;
  readonly triggers: readonly TriggerDefinition[];
  /** Names of its rewrite rules, but a view's own. */
  readonly rules: readonly string[];
  /** As ALTER TABLE … REPLICA IDENTITY has it: undefined (the primary key), `FULL`, `NOTHING`, or an index. */
  readonly replicaIdentity: 'FULL' | 'NOTHING' | { readonly index: string } | undefined;
}

export interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  /** As SQL writes it, where it is not the type's own. */
  readonly collation: string | undefined;
  /** PLAIN, EXTERNAL, EXTENDED, MAIN, where it is not the type's own. */
  readonly storage: string | undefined;
  readonly compression: string | undefined;
  readonly statisticsTarget: number | undefined;
  readonly options: readonly string[];
  readonly isNotNull: boolean;
  /** Undefined also where the server numbers or generates it, and of serial columns (their `sequence` says it). */
  readonly defaultsTo: string | undefined;
  readonly generated: { readonly expression: string; readonly isVirtual: boolean; readonly columns: readonly string[] } | undefined;
  /** Of an identity column. */
  readonly identity: 'ALWAYS' | 'BY DEFAULT' | undefined;
  /** What numbers it: of an identity column, or one that the column owns. */
  readonly sequence: SequenceDefinition | undefined;
  /** True where its default takes the next number of that sequence. */
  readonly isSerial: boolean;
  /** False: it is there only because a parent has it. */
  readonly isLocal: boolean;
  readonly comment: string | undefined;
}

export interface SequenceDefinition {
  /** Undefined: as the server calls it. */
  readonly name: SchemaName | undefined;
  readonly type: string;
  readonly start: string;
  readonly increment: string;
  readonly min: string;
  readonly max: string;
  readonly cache: string;
  readonly isCycling: boolean;
  readonly comment: string | undefined;
  /** Where it stands; undefined without the right to look. */
  readonly state: { readonly lastValue: string; readonly isCalled: boolean } | undefined;
}

/** `p`: primary key, `u`: unique, `x`: exclusion, `c`: check, `f`: foreign key, `n`: not null (servers from 18). */
export type ConstraintKind = 'p' | 'u' | 'x' | 'c' | 'f' | 'n';

export interface ConstraintDefinition {
  readonly name: string;
  readonly kind: ConstraintKind;
  /** `CHECK (…)`, `PRIMARY KEY (…)`, … */
  readonly definition: string;
  readonly isValid: boolean;
  /** False: it is there only because a parent has it. */
  readonly isLocal: boolean;
  /** Of a partition: made by a constraint of the partitioned table. */
  readonly isOfParent: boolean;
  /** Of this table. */
  readonly columns: readonly string[];
  /** Of a foreign key: the table that it refers to, and what its definition has before and behind that name. */
  readonly references: (SchemaName & { readonly oid: number; readonly around: readonly [string, string] }) | undefined;
  /** Of a key or exclusion: its index, which has the constraint's name. */
  readonly index: IndexPlace | undefined;
  readonly comment: string | undefined;
}

export interface IndexPlace {
  /** The index of the partitioned table that it belongs to. */
  readonly parent: SchemaName | undefined;
  readonly isClustered: boolean;
}

export interface IndexDefinition extends IndexPlace {
  readonly name: string;
  readonly isUnique: boolean;
  /** `USING btree (lower(name)) INCLUDE (…) WHERE …` */
  readonly definition: string;
  /** Of the table, in expressions and conditions too. */
  readonly columns: readonly string[];
  /** False of one whose building failed. */
  readonly isValid: boolean;
  readonly comment: string | undefined;
}

export interface StatisticsDefinition extends SchemaName {
  /** All but `FROM table`. */
  readonly definition: string;
  readonly columns: readonly string[];
  readonly comment: string | undefined;
}

export interface SecurityDefinition {
  readonly owner: string;
  /** Undefined: nobody ever granted anything, the server's defaults hold. */
  readonly grants: readonly GrantDefinition[] | undefined;
  readonly isRowSecure: boolean;
  /** Also for the owner. */
  readonly isForced: boolean;
  readonly policies: readonly PolicyDefinition[];
}

export interface GrantDefinition {
  /** Undefined: PUBLIC. */
  readonly to: string | undefined;
  readonly privilege: string;
  readonly isGrantable: boolean;
  /** Undefined: on the table. */
  readonly column: string | undefined;
}

export interface PolicyDefinition {
  readonly name: string;
  readonly isPermissive: boolean;
  readonly command: string;
  /** As SQL writes them. */
  readonly roles: readonly string[];
  readonly using: string | undefined;
  readonly check: string | undefined;
}

export interface TriggerDefinition {
  readonly name: string;
  /** Before and behind the table's name. */
  readonly definition: readonly [string, string];
  /** As ALTER TABLE says it; undefined: enabled. */
  readonly firing: 'DISABLE' | 'ENABLE REPLICA' | 'ENABLE ALWAYS' | undefined;
}
