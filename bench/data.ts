/** The data of the benchmarks, made by SQL from row numbers alone: the same on every machine. */

export const COLUMNS = ['id', 'customer', 'name', 'email', 'amount', 'score', 'active', 'created', 'born', 'meta'] as const;

/** A row of `items`. */
export interface Item {
  id: number;
  customer: number;
  name: string | null;
  email: string;
  amount: string;
  score: number;
  active: boolean | null;
  created: Date;
  born: string;
  meta: unknown;
}

export const CREATE_ITEMS = `CREATE TABLE items (id int8 NOT NULL, customer int4 NOT NULL, name text, email text NOT NULL, amount numeric(12,2) NOT NULL,
  score float8 NOT NULL, active bool, created timestamptz NOT NULL, born date NOT NULL, meta jsonb)`;

const VALUES = `i, (i * 7919 % 100003)::int4,
  CASE WHEN i % 97 = 0 THEN NULL WHEN i % 101 = 0 THEN '' WHEN i % 103 = 0 THEN 'Ærlig "quoted", 東京 🛶' ELSE 'Item ' || md5(i::text) END,
  'user' || i || '@host' || (i % 50) || '.example', (i * 27644437 % 1000000007)::numeric / 100, sin(i) * 1e6,
  CASE WHEN i % 11 = 0 THEN NULL ELSE i % 3 = 0 END,
  timestamptz '2001-02-03 04:05:06.000007Z' + i * interval '41.000013 seconds', date '1950-01-01' + (i % 25000)::int4,
  CASE WHEN i % 13 = 0 THEN NULL ELSE jsonb_build_object('k', i, 'tags', jsonb_build_array('a' || i % 7, i % 5)) END`;

/** Makes `items`, and its emptied twin in the target. */
export function fillItems(rows: number): string {
  return `DROP TABLE IF EXISTS items; ${CREATE_ITEMS}; INSERT INTO items SELECT ${VALUES} FROM generate_series(1::int8, ${rows}::int8) i; ANALYZE items`;
}

/** The table `picked` of the target: eight columns of `items`, one under another name and as text. */
export const CREATE_PICKED = `CREATE TABLE picked (id int8 NOT NULL, client text NOT NULL, name text, email text NOT NULL, amount numeric(12,2) NOT NULL,
  score float8 NOT NULL, created timestamptz NOT NULL, born date NOT NULL)`;

/** The table `keyed` of the target: as `items`, with a primary key. */
export const CREATE_KEYED = CREATE_ITEMS.replace('items (', 'keyed (').replace('id int8 NOT NULL', 'id int8 PRIMARY KEY');

/** Every second row of `items`, each in an older version: one column differs. Statements, none of them in a transaction with others. */
export function fillKeyed(rows: number): readonly string[] {
  const insert = `INSERT INTO keyed SELECT ${VALUES} FROM generate_series(2::int8, ${rows}::int8, 2) i`;
  return ['TRUNCATE keyed', insert, 'UPDATE keyed SET score = score + 1', 'VACUUM FULL keyed', 'ANALYZE keyed'];
}

/** Two thousand rows of about a megabyte each, that do not compress to nothing. */
export function fillWide(rows: number): string {
  const megabyte = `(SELECT string_agg(md5((i * 100 + j)::text), '') FROM generate_series(1, 64) j)`;
  return `DROP TABLE IF EXISTS wide; CREATE TABLE wide (id int8 NOT NULL, body text NOT NULL); ALTER TABLE wide ALTER body SET STORAGE EXTERNAL;
    INSERT INTO wide SELECT i, repeat(${megabyte}, 512) FROM generate_series(1::int8, ${rows}::int8) i; ANALYZE wide`;
}

/** Many rows, for the first of them. */
export function fillBig(rows: number): string {
  return `DROP TABLE IF EXISTS big; CREATE TABLE big AS SELECT i AS id, 'user' || i AS name, i % 100 AS part FROM generate_series(1::int8, ${rows}::int8) i; ANALYZE big`;
}

/** Tables of the database that is copied as a whole. */
export const DATABASE_TABLES = 40;

/** One has two fifths of the rows, nine have most of the rest, thirty are small. */
function rowsOfTable(index: number, rows: number): number {
  if (index === DATABASE_TABLES - 1) return Math.ceil(rows * 0.4);
  return Math.ceil(rows * (index >= 30 ? 0.05 : 0.005));
}

/** Rows of all its tables, where `items` has so many. */
export function databaseRows(rows: number): number {
  return Array.from({ length: DATABASE_TABLES }, (_, index) => rowsOfTable(index, rows)).reduce((sum, count) => sum + count, 0);
}

/** A chain of tables: each with a primary key, a foreign key to the one before, and two indexes. */
export function fillDatabase(rows: number): string {
  const table = (index: number): string => {
    const [before, count] = [index === 0 ? 1 : rowsOfTable(index - 1, rows), rowsOfTable(index, rows)];
    const refers = index === 0 ? '' : `; ALTER TABLE part_${index} ADD FOREIGN KEY (parent) REFERENCES part_${index - 1}`;
    return `CREATE TABLE part_${index} (id int8 PRIMARY KEY, parent int8, name text NOT NULL, amount numeric(12,2) NOT NULL, made timestamptz NOT NULL, note text);
      INSERT INTO part_${index} SELECT i, ${index === 0 ? 'NULL' : `1 + i % ${before}`}, 'name ' || md5(i::text), (i * 27644437 % 1000000007)::numeric / 100,
        timestamptz '2001-02-03 04:05:06Z' + i * interval '41 seconds', CASE WHEN i % 7 > 0 THEN md5((i + 1)::text) END FROM generate_series(1::int8, ${count}::int8) i;
      CREATE INDEX ON part_${index} (parent); CREATE INDEX ON part_${index} (lower(name)) WHERE note IS NOT NULL; ANALYZE part_${index}${refers}`;
  };
  return Array.from({ length: DATABASE_TABLES }, (_, index) => table(index)).join(';');
}
