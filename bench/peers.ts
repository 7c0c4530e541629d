/** What others do today: the pieces of which the contenders that are not Millrace are made, each used as its documentation says. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import QueryStream from 'pg-query-stream';
import type { Place } from './job.ts';

/** Rows as plain objects, by a cursor; 1,000 a round trip (its default of 100 is slower). The connection ends with the stream. */
export async function queryStream(url: string, text: string): Promise<Readable> {
  const client = await connect(url);
  const rows = client.query(new QueryStream(text, [], { batchSize: 1000, highWaterMark: 1000 }));
  return rows.once('close', () => void client.end());
}

export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

/** An empty database at this address, in place of one that is there. */
export async function freshDatabase(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  const client = await connect(Object.assign(new URL(url), { pathname: '/postgres' }).href);
  await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await client.query(`CREATE DATABASE ${name}`);
  await client.query('CHECKPOINT');
  await client.end();
}

/** Rows of all tables of a database. */
export async function countAll(url: string): Promise<number> {
  const client = await connect(url);
  const { rows } = await client.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  );
  const counts = rows.map(({ name }) => `SELECT count(*) AS n FROM ${name}`).join(' UNION ALL ');
  const all = await client.query<{ n: string }>(`SELECT sum(n) AS n FROM (${counts}) c`);
  await client.end();
  return Number(all.rows[0]?.n);
}

/** Rows a statement of a multi-row INSERT: 65,535 parameters are the most, and more rows are not faster. */
export const INSERT_ROWS = 1000;

/** `INSERT INTO items VALUES ($1, …), …`, in one transaction; with a key `… ON CONFLICT (key) DO UPDATE SET …` of all other columns. */
export class MultiRowInsert {
  readonly #client: pg.Client;
  readonly #columns: readonly string[];
  readonly #table: string;
  readonly #conflict: string;
  rows = 0;

  private constructor(client: pg.Client, columns: readonly string[], { table = 'items', key }: { table?: string; key?: string }) {
    this.#client = client;
    this.#columns = columns;
    this.#table = table;
    const changed = columns.filter(name => name !== key).map(name => `${name}=excluded.${name}`);
    this.#conflict = key === undefined ? '' : ` ON CONFLICT (${key}) DO UPDATE SET ${changed.join(',')}`;
  }

  static async open(url: string, columns: readonly string[], into: { table?: string; key?: string } = {}): Promise<MultiRowInsert> {
    const client = await connect(url);
    await client.query('BEGIN');
    return new MultiRowInsert(client, columns, into);
  }

  async insert(rows: readonly object[]): Promise<void> {
    const width = this.#columns.length;
    const places = rows.map((_, row) => `(${this.#columns.map((_name, column) => `$${row * width + column + 1}`).join(',')})`);
    const values = rows.flatMap(row => this.#columns.map(name => (row as Record<string, unknown>)[name]));
    await this.#client.query(`INSERT INTO ${this.#table} (${this.#columns.join(',')}) VALUES ${places.join(',')}${this.#conflict}`, values);
    this.rows += rows.length;
  }

  /** All of them, and closes. */
  async insertAll(rows: AsyncIterable<object>): Promise<number> {
    let batch: object[] = [];
    for await (const row of rows) {
      if (batch.push(row) < INSERT_ROWS) continue;
      await this.insert(batch);
      batch = [];
    }
    if (batch.length > 0) await this.insert(batch);
    return this.close();
  }

  async close(): Promise<number> {
    await this.#client.query('COMMIT');
    await this.#client.end();
    return this.rows;
  }
}

/** One COPY piped into another. */
export async function pipeCopy({ source, target, rows }: Place): Promise<{ rows: number }> {
  const [reader, writer] = [await connect(source), await connect(target)];
  const written = writer.query(copyFrom('COPY items FROM STDIN (FORMAT binary)'));
  await pipeline(reader.query(copyTo('COPY items TO STDOUT (FORMAT binary)')), written);
  await Promise.all([reader.end(), writer.end()]);
  return { rows: written.rowCount ?? rows };
}

/** psql reading, psql writing, a pipe between them. */
export async function pipePsql(place: Place): Promise<{ rows: number }> {
  await shell(
    place,
    `$PSQL -d "$SOURCE" -c 'COPY items TO STDOUT (FORMAT binary)' | $PSQL -d "$TARGET" -c 'COPY items FROM STDIN (FORMAT binary)'`,
  );
  return { rows: place.rows };
}

/** Runs a shell line in which `$PSQL` is psql, without a profile and stopping at errors, and `$BIN` the folder that it lies in. */
export function shell(place: Place, line: string): Promise<void> {
  const psql = `${join(place.psql ?? '', 'psql')} -X -q -v ON_ERROR_STOP=1`;
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-o', 'pipefail', '-c', line], {
      env: { ...process.env, PSQL: psql, BIN: place.psql, SOURCE: place.source, TARGET: place.target },
      stdio: 'inherit',
    });
    child.once('error', reject);
    child.once('close', code => (code === 0 ? resolve() : reject(new Error(`${line}: exit ${code}`))));
  });
}
