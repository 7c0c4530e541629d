import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Duplex, PassThrough } from 'node:stream';
import { connect as connectSocket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';
import { givenBack } from '../../lib/clients/postgres/read/row-memory.ts';
import {
  coerce,
  defineOperator,
  filter,
  from,
  map,
  mapAsync,
  pipeline,
  project,
  rename,
  skip,
  sort,
  take,
  tap,
  to,
  validate,
} from '../../lib/index.ts';
import type { AnyBatch, AnyRow } from '../../lib/core/define.ts';
import type { Operator, RunOptions } from '../../lib/core/contracts.ts';
import { runs } from '../random.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

/** Several batches of the common size: only whole pieces of memory are used again. */
const ROWS = 12_000;
const SELECT = `SELECT id, name, data, amount, made, doc FROM items ORDER BY id`;

/** Each gives back at once what it may; what is given back is overwritten, so that whoever still looks at it sees it. */
describe('memory of rows that were read from PostgreSQL, used again', () => {
  let url = '';
  let folder = '';
  let fileCount = 0;
  let tableCount = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'row-memory-'));
    url = await freshDatabase('row_memory_test');
    await sql(
      url,
      `CREATE TABLE items (id int4 PRIMARY KEY, name text, data bytea, amount numeric(12,2), made timestamptz, doc jsonb);
      INSERT INTO items SELECT i, CASE WHEN i % 7 > 0 THEN 'name ' || repeat(i::text, i % 30) END, decode(md5(i::text), 'hex'), i / 7.0,
        timestamptz '2001-02-03Z' + i * interval '1.000001 seconds', jsonb_build_object('k', i, 't', repeat('x', i % 50)) FROM generate_series(1, ${ROWS}) i`,
    );
    givenBack.fill = 0xdb;
  });
  after(async () => {
    givenBack.fill = undefined;
    await rm(folder, { recursive: true });
  });

  it('shows short rows as they are, in a file and behind operators', async () => {
    const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
    const query = 'SELECT id, -id AS less FROM items ORDER BY id';
    const path = join(folder, 'short.csv');
    await pipeline(from.postgres({ url, query }), to.file(path));
    expect(await readFile(path, 'utf8')).to.equal(
      `id,less\n${numbers(ROWS)
        .map(id => `${id},${-id}\n`)
        .join('')}`,
    );
    const ids: { id: number }[] = [];
    await pipeline(
      from.postgres<{ id: number; less: number }>({ url, query }),
      sort('-id'),
      filter({ less: { lt: -9 } }),
      project('id'),
      to.memory(ids),
    );
    expect(ids.map(({ id }) => id)).to.deep.equal(numbers(ROWS).slice(9).reverse());
  });

  /** Operators over these rows, whatever came before; each leaves id and name. */
  const operators: Readonly<Record<string, () => Operator<AnyRow, AnyRow>>> = {
    'filter by a predicate': () => filter({ id: { gt: 100 } } as never) as Operator<AnyRow, AnyRow>,
    'filter by a function': () => filter<AnyRow>(row => (row['id'] as number) % 3 > 0),
    'filter by fields': () => filter<AnyRow, string>(['id'], ({ id }) => (id as number) % 5 > 0),
    'map over rows': () => map<AnyRow, AnyRow>(row => ({ ...row, name: `${String(row['name'])}!` })),
    'map over fields': () =>
      map<AnyRow, string, AnyRow>(['name'], ({ name }) => ({ name: `${String(name)}?` })) as Operator<AnyRow, AnyRow>,
    project: () => project<AnyRow, string>('name', 'id') as Operator<AnyRow, AnyRow>,
    rename: () => rename({ id: 'id' }) as unknown as Operator<AnyRow, AnyRow>,
    coerce: () => coerce<AnyRow, { id: 'integer' }>({ id: 'integer' }) as Operator<AnyRow, AnyRow>,
    take: () => take<AnyRow>(8000),
    skip: () => skip<AnyRow>(10),
    sort: () => sort<{ id: number }>('-id') as unknown as Operator<AnyRow, AnyRow>,
    tap: () => tap<AnyRow>(() => undefined),
    validate: () => validate(z.looseObject({ id: z.number() })) as unknown as Operator<AnyRow, AnyRow>,
    'validate, asynchronous': () =>
      validate(z.looseObject({ id: z.number() }).refine(() => sleep(0, true))) as unknown as Operator<AnyRow, AnyRow>,
    'mapAsync, slow': () => mapAsync<AnyRow, AnyRow>(async row => (await sleep((row['id'] as number) % 100 === 0 ? 1 : 0), row)),
    'an own operator that holds batches': holding,
  };

  type Ending = (source: 'again' | 'left', used: readonly Operator<AnyRow, AnyRow>[], options: RunOptions) => Promise<unknown>;
  const endings: Readonly<Record<string, Ending>> = {
    'rows that are kept': async (source, used, options) => {
      const rows: AnyRow[] = [];
      await run(source, used, to.memory(rows), options);
      return rows;
    },
    'a slow function that keeps what it gets': async (source, used, options) => {
      const rows: AnyRow[] = [];
      await run(
        source,
        used,
        to.function<AnyRow>(row => (rows.push(row) % 2000 === 0 ? sleep(2) : undefined)),
        options,
      );
      return rows;
    },
    CSV: (source, used, options) => inFile('csv', source, used, options),
    NDJSON: (source, used, options) => inFile('ndjson', source, used, options),
    'compressed JSON': (source, used, options) => inFile('json.gz', source, used, options),
    'a table': (source, used, options) => inTable(source, used, options),
    'a table, refused rows to dead letters': async (source, used, options) => {
      const letters: AnyRow[] = [];
      const rows = await inTable(source, used, { ...options, deadLetter: to.memory(letters) as never }, 'CHECK (id % 401 > 0)');
      return [rows, letters.map(({ record }) => record).sort((a, b) => Number((a as AnyRow)['id']) - Number((b as AnyRow)['id']))];
    },
    'a table, by a socket that holds on to what it gets': (source, used, options) => inTable(source, used, options, '', slowSocket),
  };

  /** The same rows: read by COPY, or (nothing of them can be given back) from an iterable of objects. */
  async function run(
    source: 'again' | 'left',
    used: readonly Operator<AnyRow, AnyRow>[],
    sink: ReturnType<typeof to.memory<AnyRow>>,
    options: RunOptions,
  ): Promise<void> {
    const read = from.postgres<AnyRow>({ url, query: SELECT });
    const stages = source === 'again' ? [read, ...used, sink] : [read, holding(), ...used, sink];
    await (pipeline as (...stages: unknown[]) => Promise<unknown>)(...stages, { ...options });
  }

  async function inFile(
    extension: string,
    source: 'again' | 'left',
    used: readonly Operator<AnyRow, AnyRow>[],
    options: RunOptions,
  ): Promise<string> {
    const path = join(folder, `${fileCount++}.${extension}`);
    await run(source, used, to.file<AnyRow>(path) as never, options);
    const bytes = await readFile(path);
    return extension.endsWith('gz') ? (await import('node:zlib')).gunzipSync(bytes).toString() : bytes.toString();
  }

  async function inTable(
    source: 'again' | 'left',
    used: readonly Operator<AnyRow, AnyRow>[],
    options: RunOptions,
    check = '',
    socket?: () => Duplex,
  ): Promise<unknown> {
    const table = `t${tableCount++}`;
    const made = check === '' ? '' : `(id int4 ${check}, name text)`;
    if (made !== '') await sql(url, `CREATE TABLE ${table} ${made}`);
    const kept = made === '' ? used : [...used, project<AnyRow, string>('id', 'name') as Operator<AnyRow, AnyRow>];
    await run(
      source,
      kept,
      to.postgres<AnyRow>({ url, table, mode: 'append', ...(socket === undefined ? {} : { socket }) }) as never,
      options,
    );
    const rows = await sql(url, `SELECT to_jsonb(t) AS row FROM ${table} t ORDER BY id`);
    await sql(url, `DROP TABLE ${table}`);
    return rows;
  }

  /** What a proxy may do: bytes wait in a stream of its own after `write` has called back. */
  function slowSocket(): Duplex {
    const { hostname, port } = new URL(url);
    const socket = connectSocket(Number(port), hostname);
    const held = new PassThrough({ highWaterMark: 64 * 1024 * 1024 });
    void (async () => {
      for await (const chunk of held) {
        await sleep(1);
        socket.write(chunk as Buffer);
      }
      socket.end();
    })();
    const face = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        held.write(chunk);
        done();
      },
      final: done => {
        held.end();
        done();
      },
    });
    socket.on('data', chunk => face.push(chunk));
    socket.on('close', () => face.push(null));
    face.on('close', () => socket.destroy());
    return face;
  }

  const columnOperators = ['filter by fields', 'map over fields'];

  for (const ending of Object.keys(endings)) {
    it(`is not seen in ${ending}`, async () => {
      const end = endings[ending] as Ending;
      for (const names of [[], columnOperators]) {
        const used = (): Operator<AnyRow, AnyRow>[] => names.map(name => (operators[name] as () => Operator<AnyRow, AnyRow>)());
        expect((await end('again', used(), {})) as object).to.deep.equal(await end('left', used(), { batchRows: 1000 }));
      }
    });
  }

  it('is never seen by anybody, whatever the operators, the end and the size of batches', async function () {
    this.timeout(120_000);
    const size = fc.record({ batchRows: fc.constantFrom(500, 4096), batchBytes: fc.constantFrom(16_384, 131_072, 262_144) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...Object.keys(operators)), { maxLength: 4 }),
        fc.constantFrom(...Object.keys(endings)),
        size,
        async (names, ending, options) => {
          const used = (): Operator<AnyRow, AnyRow>[] => names.map(name => (operators[name] as () => Operator<AnyRow, AnyRow>)());
          const end = endings[ending] as Ending;
          expect(await end('again', used(), options)).to.deep.equal(await end('left', used(), { batchRows: 1000 }));
        },
      ),
      { numRuns: runs(20) },
    );
  });

  it('is not seen by a server that is slow to take it', async () => {
    await sql(
      url,
      `CREATE TABLE slow (id int4, name text); CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.4); RETURN NEW; END';
      CREATE TRIGGER slowly BEFORE INSERT ON slow FOR EACH ROW WHEN (NEW.id % 9000 = 1) EXECUTE FUNCTION slowly()`,
    );
    const query = `SELECT i AS id, md5(i::text) || repeat('x', 1000) AS name FROM generate_series(1, 18000) i`;
    for (const change of [[], [map<AnyRow, string, AnyRow>(['name'], ({ name }) => ({ name })) as unknown as Operator<AnyRow, AnyRow>]]) {
      await sql(url, 'TRUNCATE slow');
      const stages = [from.postgres({ url, query }), ...change, to.postgres({ url, table: 'slow', mode: 'append' })];
      await (pipeline as (...stages: unknown[]) => Promise<unknown>)(...stages);
      const [found] = await sql(
        url,
        `SELECT count(*) FILTER (WHERE name = md5(id::text) || repeat('x', 1000)) AS right, max(id) AS last FROM slow`,
      );
      expect(found).to.deep.equal({ right: '18000', last: 18_000 });
    }
  });

  it('is not seen by the reader of a plain stream, however long it keeps its rows', async () => {
    const rows: AnyRow[] = [];
    for await (const row of from.postgres<AnyRow>({ url, query: SELECT })) rows.push(row);
    const left: AnyRow[] = [];
    await run('left', [], to.memory(left), {});
    expect(rows).to.deep.equal(left);
  });

  /** Holds on to the batches themselves, as a definition that says nothing may: they are looked at again at the end. */
  function holding(): Operator<AnyRow, AnyRow> {
    const held: { batch: AnyBatch; ids: unknown[] }[] = [];
    const kind = defineOperator({
      kind: 'holding',
      options: z.strictObject({}),
      batch: () => (batch: AnyBatch) => {
        for (const { batch: before, ids } of held.slice(-20))
          expect(ids.every((id, row) => before.column('id').get(row) === id)).to.equal(true);
        const column = batch.column('id');
        held.push({ batch, ids: Array.from({ length: batch.length }, (_, row) => column.get(row)) });
        return batch;
      },
      reads: () => ['id'],
      schema: input => input,
    });
    return kind.create({}, undefined);
  }
});
