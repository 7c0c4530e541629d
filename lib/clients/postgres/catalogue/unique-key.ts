/** SQL of unique keys, for queries in which `c` is the table, `i` an index of it (pg_index) and `x` that index's own entry in pg_class. */

/** The key's columns, in its order: `[{ name, type }]`. */
export const KEY_COLUMNS = `(SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod)) ORDER BY k.place)
      FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place) JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
      WHERE k.place <= i.indnkeyatts)`;

/** Unique and without nulls, of all rows, at each moment; each column goes up, as the column itself is compared. */
export const IS_KEY = `i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
    AND x.relam = (SELECT oid FROM pg_catalog.pg_am WHERE amname = 'btree')
    AND NOT EXISTS (SELECT FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) k(i)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[k.i] JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[k.i]
      WHERE NOT a.attnotnull OR NOT o.opcdefault OR i.indoption[k.i] <> 0 OR i.indcollation[k.i] <> a.attcollation)`;

/** The primary key before others. */
export const KEY_ORDER = 'i.indisprimary DESC, i.indnatts, i.indexrelid';

export interface NamedType {
  readonly name: string;
  /** As SQL writes it. */
  readonly type: string;
}
