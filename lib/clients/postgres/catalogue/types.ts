/**
 * Which DataType an OID and a type modifier are, and what of it can be said in binary.
 * Source: https://www.postgresql.org/docs/18/catalog-pg-type.html, src/include/catalog/pg_type.dat
 */
import type pg from 'pg';
import type { DataType, TypeKind } from '../../../schema/types.ts';
import { limited } from '../connection/connect.ts';
import type { ServerType } from './relation.ts';

/** OIDs of the types that every server has under the same number: the type's own, its array's. */
const BUILT_IN: readonly (readonly [kind: TypeKind, oid: number, arrayOid: number, name?: string])[] = [
  ['bool', 16, 1000],
  ['bytea', 17, 1001],
  ['other', 18, 1002, '"char"'],
  ['other', 19, 1003, 'name'],
  ['int8', 20, 1016],
  ['int2', 21, 1005],
  ['int4', 23, 1007],
  ['text', 25, 1009],
  ['oid', 26, 1028],
  ['json', 114, 199],
  ['other', 142, 143, 'xml'],
  ['float4', 700, 1021],
  ['float8', 701, 1022],
  ['bpchar', 1042, 1014],
  ['varchar', 1043, 1015],
  ['date', 1082, 1182],
  ['time', 1083, 1183],
  ['timestamp', 1114, 1115],
  ['timestamptz', 1184, 1185],
  ['interval', 1186, 1187],
  ['timetz', 1266, 1270],
  ['numeric', 1700, 1231],
  ['uuid', 2950, 2951],
  ['jsonb', 3802, 3807],
];

interface KnownType {
  readonly kind: TypeKind;
  readonly name?: string;
  readonly labels?: readonly string[];
  readonly element?: number;
  /** A domain: what it is of. */
  readonly base?: { readonly oid: number; readonly typmod: number };
  readonly hasBinary: boolean;
}

const KNOWN = new Map<number, KnownType>(
  BUILT_IN.flatMap(([kind, oid, arrayOid, name]): [number, KnownType][] => [
    [oid, { kind, hasBinary: true, ...(name === undefined ? {} : { name }) }],
    [arrayOid, { kind: 'array', element: oid, hasBinary: true }],
  ]),
);

/** What a server says of its types, asked at most once for each; for one connection's server and one run. */
export class TypeCatalogue {
  readonly #known = new Map(KNOWN);
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** Asks for all of these that are not known yet, and what they are made of, in one round trip. */
  async load(oids: readonly number[]): Promise<void> {
    const unknown = [...new Set(oids)].filter(oid => !this.#known.has(oid));
    if (unknown.length === 0) return;
    const { rows } = await this.#client.query<TypeRow>(limited(TYPES, [`{${unknown.join(',')}}`]));
    for (const row of rows) if (!this.#known.has(row.oid)) this.#known.set(row.oid, knownType(row));
  }

  /** The type of this OID (loaded before) and modifier, -1 for none. */
  type(oid: number, typmod: number): ServerType {
    const known = this.#known.get(oid) ?? { kind: 'other', name: 'text', hasBinary: false };
    if (known.base !== undefined) return ofDomain(this.type(known.base.oid, known.base.typmod), known.name);
    if (known.element !== undefined) {
      const element = this.type(known.element, typmod);
      const isOfDomain = this.#known.get(known.element)?.base !== undefined;
      return { type: { kind: 'array', element: element.type }, isPlain: !isOfDomain, hasBinary: element.hasBinary };
    }
    return { type: modified(known, typmod), isPlain: true, hasBinary: known.hasBinary };
  }
}

/**
 * Whether the binary form of a type means the same on another server: built-in scalars and arrays of them, enums (their form is the label).
 * Not so composites, ranges and arrays of types that users made (they carry OIDs), types whose form is an OID, and those without one.
 */
export function portable(type: DataType): boolean {
  switch (type.kind) {
    case 'array':
      return type.element !== undefined && type.element.kind !== 'enum' && portable(type.element);
    case 'other':
      return type.name !== undefined && !type.name.includes('.') && !NOT_PORTABLE.test(type.name);
    default:
      return true;
  }
}

/** `reg…` are OIDs, money depends on the locale, the others have no binary form or only one for the server's own use. */
const NOT_PORTABLE = /^(?:reg|money|aclitem|pg_|any|record|cid$|tid$|xid|refcursor|gtsvector|void)/;

interface TypeRow {
  readonly oid: number;
  readonly name: string;
  readonly element: number;
  readonly base: number;
  readonly typmod: number;
  readonly labels: string[] | null;
  readonly binary: boolean;
}

/** Names of built-in types stand bare, those of all others are qualified. */
const TYPES = `
  WITH RECURSIVE wanted(oid) AS (
    SELECT unnest($1::oid[])
    UNION
    SELECT part FROM wanted JOIN pg_catalog.pg_type t USING (oid), unnest(ARRAY[t.typbasetype, t.typelem]) AS part WHERE part <> 0)
  SELECT t.oid, t.typbasetype AS base, t.typtypmod AS typmod, t.typsend <> 0 AS binary,
    CASE WHEN n.nspname = 'pg_catalog' THEN pg_catalog.format_type(t.oid, NULL)
      ELSE pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname) END AS name,
    CASE WHEN t.typinput = 'pg_catalog.array_in'::regproc THEN t.typelem ELSE 0 END AS element,
    CASE WHEN t.typtype = 'e' THEN
      (SELECT pg_catalog.array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) END AS labels
  FROM wanted JOIN pg_catalog.pg_type t USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace`;

function knownType({ name, element, base, typmod, labels, binary }: TypeRow): KnownType {
  if (base !== 0) return { kind: 'other', name, base: { oid: base, typmod }, hasBinary: binary };
  if (element !== 0) return { kind: 'array', element, hasBinary: binary };
  if (labels !== null) return { kind: 'enum', name, labels, hasBinary: binary };
  return { kind: 'other', name, hasBinary: binary };
}

function ofDomain(server: ServerType, domain: string | undefined): ServerType {
  return domain === undefined ? server : { ...server, type: { ...server.type, domain } };
}

function modified({ kind, name, labels }: KnownType, typmod: number): DataType {
  const type: DataType = { kind, ...(name === undefined ? {} : { name }), ...(labels === undefined ? {} : { labels }) };
  if (typmod < 0) return type;
  switch (kind) {
    case 'numeric':
      return { kind, precision: ((typmod - 4) >> 16) & 0xffff, scale: (((typmod - 4) & 0x7ff) ^ 0x400) - 0x400 };
    case 'varchar':
    case 'bpchar':
      return { kind, length: typmod - 4 };
    case 'timestamp':
    case 'timestamptz':
    case 'time':
    case 'timetz':
      return { kind, precision: typmod };
    case 'interval':
      return intervalType(typmod);
    case 'other':
      return name === 'bit' || name === 'bit varying' ? { kind, name: `${name}(${typmod})` } : type;
    default:
      return type;
  }
}

/** Which fields of an interval are kept, by the bits that stand for them. Source: intervaltypmodout of src/backend/utils/adt/timestamp.c */
const INTERVAL_FIELDS: Readonly<Record<number, string>> = {
  0x0002: 'month',
  0x0004: 'year',
  0x0006: 'year to month',
  0x0008: 'day',
  0x0400: 'hour',
  0x0408: 'day to hour',
  0x0800: 'minute',
  0x0c00: 'hour to minute',
  0x0c08: 'day to minute',
  0x1000: 'second',
  0x1800: 'minute to second',
  0x1c00: 'hour to second',
  0x1c08: 'day to second',
};
const ANY_PRECISION = 0xffff;

function intervalType(typmod: number): DataType {
  const fields = INTERVAL_FIELDS[typmod >> 16];
  const precision = typmod & ANY_PRECISION;
  return {
    kind: 'interval',
    ...(fields === undefined ? {} : { name: `interval ${fields}` }),
    ...(precision === ANY_PRECISION ? {} : { precision }),
  };
}
