import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import pg from 'pg';
import { runAll } from '../../lib/clients/postgres/catalogue/definition/run-ddl.ts';
import { from, pipeline, PipelineError, plan, take, to } from '../../lib/index.ts';
import { postgresTablesKind as sinkKind } from '../../sinks/postgres-tables.ts';
import { postgresTablesKind as sourceKind } from '../../sources/postgres-tables.ts';
import { differences, shapeOf } from '../clients/postgres/catalogue-shape.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { failure } from './postgres-harness.ts';

const WHOLE = `
  CREATE SCHEMA "Crm.x"; CREATE SCHEMA empty_one;
  CREATE TYPE mood AS ENUM ('sad', 'it''s'); CREATE DOMAIN good AS mood NOT NULL DEFAULT 'it''s' CONSTRAINT fine CHECK (VALUE <> 'sad');
  CREATE TYPE pair AS (a int, b mood[]); CREATE TYPE pairs AS (first pair, second text COLLATE "C"); CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi);
  CREATE SEQUENCE loose START 5; SELECT nextval('loose'), nextval('loose');
  CREATE TABLE b (id int PRIMARY KEY, a int, p pairs, s span, g good);
  CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b int REFERENCES b, self int REFERENCES a, n int DEFAULT nextval('loose'), doubled int GENERATED ALWAYS AS (n * 2) STORED);
  ALTER TABLE b ADD FOREIGN KEY (a) REFERENCES a;
  CREATE TABLE "Crm.x".a (id serial PRIMARY KEY, "T ""x"".y" text, "${'ü'.repeat(31)}" text); CREATE INDEX ON "Crm.x".a (lower("T ""x"".y"));
  CREATE TABLE nothing (); CREATE TABLE made (g int GENERATED ALWAYS AS (7) STORED); CREATE TABLE hollow (x int);
  INSERT INTO nothing SELECT FROM generate_series(1, 9000); INSERT INTO made SELECT FROM generate_series(1, 3);
  CREATE TABLE e (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day); CREATE TABLE e1 PARTITION OF e FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE TABLE e2 PARTITION OF e DEFAULT; CREATE INDEX ON e (day);
  CREATE TABLE up (x int); CREATE TABLE down (y int) INHERITS (up);
  CREATE VIEW v1 AS SELECT id, b, self FROM a; CREATE VIEW v0 WITH (security_barrier) AS SELECT v1.id, count(*) AS n FROM v1 JOIN b ON b.id = v1.b GROUP BY v1.id; CREATE MATERIALIZED VIEW m AS SELECT * FROM v0; CREATE UNIQUE INDEX ON m (id);
  COMMENT ON VIEW v1 IS 'seen'; COMMENT ON TYPE mood IS 'felt'; COMMENT ON SEQUENCE loose IS 'nobody''s'; COMMENT ON TABLE a IS 'first';
  INSERT INTO b SELECT i, NULL, ROW(ROW(i, '{sad}'), 'x')::pairs, span(i, i + 1), 'it''s' FROM generate_series(1, 300) i;
  INSERT INTO a (b, self) SELECT i, i FROM generate_series(1, 300) i; UPDATE b SET a = id;
  INSERT INTO "Crm.x".a ("T ""x"".y") SELECT 'n' || i FROM generate_series(1, 50) i;
  INSERT INTO e SELECT i, date '2024-12-01' + i FROM generate_series(1, 60) i; INSERT INTO up VALUES (1); INSERT INTO down VALUES (2, 3);
  REFRESH MATERIALIZED VIEW m;
  CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE SCHEMA millrace; CREATE TABLE millrace.checkpoint (x int)`;

const TABLES = ['a', 'b', '"Crm.x".a', 'nothing', 'made', 'hollow', 'e1', 'e2', 'e', 'ONLY up', 'down', 'm', 'v0'];

async function rowsOf(url: string): Promise<unknown[]> {
  const texts = TABLES.map(
    table => `SELECT '${table}' AS name, count(*)::int AS count, md5(string_agg(r::text, ',' ORDER BY r::text)) AS hash FROM ${table} r`,
  );
  return sql(url, `${texts.join(' UNION ALL ')} ORDER BY 1`);
}

describe('whole databases, from tables to tables', () => {
  let source: string;
  let target: string;
  before(async () => {
    source = await freshDatabase('whole_source');
    await sql(source, WHOLE);
  });
  beforeEach(async () => void (target = await freshDatabase('whole_target')));

  it('carries everything, equal by the catalogue and by its rows, and the next inserts work', async () => {
    const report = await pipeline(from.postgres.tables({ url: source }), to.postgres.tables({ url: target }));
    expect(
      differences(
        (await shapeOf(source)).filter(line => line !== 'schema empty_one ' && !/ f\(\)/.test(line)),
        await shapeOf(target),
      ),
    ).to.deep.equal({ missing: [], extra: [] });
    expect(await rowsOf(target)).to.deep.equal(await rowsOf(source));
    expect(await sql(target, `INSERT INTO a (b) VALUES (1) RETURNING id, n, doubled`)).to.deep.equal([{ id: 301, n: 307, doubled: 614 }]);
    expect(await sql(target, `INSERT INTO "Crm.x".a DEFAULT VALUES RETURNING id`)).to.deep.equal([{ id: 51 }]);
    expect([
      report.status,
      report.guarantee,
      report.written,
      report.tables?.find(({ table }) => table === 'public.b')?.written,
    ]).to.deep.equal(['ok', 'at-least-once', 9715, 300]);
    expect(report.warnings).to.deep.equal(['not carried: function public.f()']);
  });

  it('carries a part: what matches, and the types and sequences that it needs', async () => {
    await pipeline(from.postgres.tables({ url: source, tables: 'public.a,hol*' }), to.postgres.tables({ url: target }));
    const names = await sql<{ name: string }>(
      target,
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') ORDER BY 1`,
    );
    expect(names.map(({ name }) => name)).to.deep.equal(['a', 'a_id_seq', 'hollow', 'loose']);
  });

  it('keeps tables apart whose schemas and names have dots', async () => {
    const from1 = await freshDatabase('whole_dotted');
    await sql(
      from1,
      `CREATE SCHEMA "a.b"; CREATE SCHEMA a; CREATE TABLE "a.b".c (x int); CREATE TABLE a."b.c" (x int); INSERT INTO "a.b".c VALUES (1); INSERT INTO a."b.c" VALUES (2), (3)`,
    );
    const report = await pipeline(from.postgres.tables({ url: from1 }), to.postgres.tables({ url: target }));
    expect(Object.fromEntries(report.tables?.map(({ table, written }) => [table, written]) ?? [])).to.deep.equal({
      '"a.b".c': 1,
      'a."b.c"': 2,
    });
    expect(
      await sql(target, `SELECT (SELECT array_agg(x) FROM "a.b".c) AS first, (SELECT array_agg(x ORDER BY x) FROM a."b.c") AS second`),
    ).to.deep.equal([{ first: [1], second: [2, 3] }]);
    const part = await freshDatabase('whole_target');
    await pipeline(from.postgres.tables({ url: from1, tables: 'a."b.c"' }), to.postgres.tables({ url: part }));
    expect(await sql(part, `SELECT to_regclass('"a.b".c') IS NULL AS first, (SELECT count(*)::int FROM a."b.c") AS second`)).to.deep.equal([
      { first: true, second: 2 },
    ]);
  });

  it('refuses, by all names, what is there, and makes nothing', async () => {
    await sql(target, 'CREATE TABLE a (); CREATE TABLE hollow ()');
    const error = await failure(pipeline(from.postgres.tables({ url: source }), to.postgres.tables({ url: target })));
    expect([error.code, error.message]).to.deep.equal(['EXISTS', error.message]);
    expect(error.message).to.include(': public.a, public.hollow;');
    expect(await sql(target, `SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = 'public'::regnamespace`)).to.deep.equal([
      { n: 2 },
    ]);
  });

  it('adds to tables, and replaces what is in them', async () => {
    const copy = (mode: 'append' | 'replace'): Promise<unknown> =>
      pipeline(from.postgres.tables({ url: source, tables: 'hollow,up' }), to.postgres.tables({ url: target, mode }));
    const count = async (): Promise<unknown> => (await sql(target, 'SELECT count(*)::int AS n FROM up'))[0]?.['n'];
    const counts: unknown[] = [];
    for (const mode of ['append', 'append', 'replace'] as const) {
      await copy(mode);
      counts.push(await count());
    }
    expect(counts).to.deep.equal([1, 2, 1]);
  });

  it('goes on when a table fails, leaves out what hangs on it, and fails in the end by name', async () => {
    await sql(
      source,
      `CREATE FUNCTION g(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'; CREATE TABLE broken (x int PRIMARY KEY, y int GENERATED ALWAYS AS (g(x)) STORED); CREATE TABLE hangs (x int REFERENCES broken); CREATE VIEW shows AS SELECT x FROM broken`,
    );
    try {
      const error = (await failure(pipeline(from.postgres.tables({ url: source }), to.postgres.tables({ url: target })))) as PipelineError;
      expect(error).to.be.instanceOf(PipelineError);
      expect(error.message).to.match(
        /^1 of \d+ tables failed, the others are there: public\.broken: the table cannot be made: function public\.g\(integer\) does not exist/,
      );
      expect(error.report.warnings.filter(warning => warning.includes('relation "public.broken"'))).to.have.length.below(3);
      expect(error.report.tables?.filter(({ status }) => status === 'failed').map(({ table }) => table)).to.deep.equal(['public.broken']);
      expect(error.report.warnings.join('\n')).to.include('foreign key "hangs_x_fkey"').and.to.include('view "public.shows"');
      expect(
        await sql(
          target,
          `SELECT to_regclass('broken')::text AS broken, to_regclass('hangs')::text AS hangs, (SELECT count(*)::int FROM a) AS a`,
        ),
      ).to.deep.equal([{ broken: null, hangs: 'hangs', a: 300 }]);
    } finally {
      await sql(source, 'DROP TABLE broken, hangs CASCADE; DROP FUNCTION g');
    }
  });

  it('fills tables that are there in the order of their foreign keys, and replaces tables that refer to each other', async () => {
    const schema = `CREATE TABLE child (id int, parent int); CREATE TABLE parent (id int PRIMARY KEY, root int); CREATE TABLE root (id int PRIMARY KEY, self int);`;
    const keys = `ALTER TABLE root ADD FOREIGN KEY (self) REFERENCES root; ALTER TABLE parent ADD FOREIGN KEY (root) REFERENCES root; ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES parent;`;
    const from1 = await freshDatabase('whole_ordered');
    await sql(
      from1,
      `${schema}; INSERT INTO root SELECT i, 100 - i FROM generate_series(1, 99) i; INSERT INTO parent SELECT i, 1 + i % 99 FROM generate_series(1, 2000) i; INSERT INTO child SELECT i, 1 + i % 2000 FROM generate_series(1, 20000) i; ${keys}`,
    );
    await sql(target, `${schema} ${keys}`);
    const copy = (mode: 'append' | 'replace', parallel: number): Promise<{ tables?: readonly { table: string }[] }> =>
      pipeline(from.postgres.tables({ url: from1 }), to.postgres.tables({ url: target, mode, parallel }));
    for (const [mode, parallel] of [
      ['append', 2],
      ['replace', 1],
      ['replace', 3],
    ] as const) {
      const { tables } = await copy(mode, parallel);
      expect(tables?.map(({ table }) => table)).to.deep.equal(['public.root', 'public.parent', 'public.child']);
      expect(await sql(target, 'SELECT (SELECT count(*)::int FROM root) AS r, (SELECT count(*)::int FROM child) AS c')).to.deep.equal([
        { r: 99, c: 20000 },
      ]);
    }
    await sql(target, 'CREATE TABLE outside (root int CONSTRAINT inward REFERENCES root)');
    const refused = await failure(copy('replace', 2));
    expect([refused.code, refused.message]).to.deep.equal(['OPTION_INVALID', refused.message]);
    expect(refused.message).to.include('outside (inward)');
    await sql(
      target,
      'DROP TABLE outside; ALTER TABLE root ADD child int; ALTER TABLE child ADD UNIQUE (id); ALTER TABLE root ADD FOREIGN KEY (child) REFERENCES child (id)',
    );
    const circle = await failure(copy('append', 2));
    expect(circle.code).to.equal('OPTION_INVALID');
    expect(circle.message).to.match(/: public\.\w+ → public\.\w+ → public\.\w+ → public\.\w+;/);
    expect(await sql(target, 'SELECT count(*)::int AS n FROM child')).to.deep.equal([{ n: 20000 }]);
  });

  for (const [where, makes] of [
    ['while rows come', 'ALTER TABLE slow ADD CHECK (waits(x) = 0)'],
    ['while an index is built', 'CREATE INDEX ON slow (waits(x))'],
  ] as const) {
    it(`cancelled ${where}, leaves nothing of itself, and nothing running`, async () => {
      const waits = `CREATE FUNCTION waits(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN IF pg_catalog.current_database() = ''whole_target'' THEN PERFORM pg_catalog.pg_sleep(60); END IF; RETURN 0; END'`;
      const from1 = await freshDatabase('whole_slow');
      await sql(
        from1,
        `${waits}; CREATE TYPE mood AS ENUM ('sad'); CREATE SCHEMA other; CREATE SEQUENCE other.loose; CREATE TABLE slow (x int PRIMARY KEY, m mood); CREATE TABLE other.quick (x int REFERENCES slow, y int DEFAULT nextval('other.loose')); ${makes}; INSERT INTO slow SELECT i FROM generate_series(1, 9) i`,
      );
      await sql(target, `${waits}; CREATE TABLE mine (x int)`);
      const abort = new AbortController();
      const run = failure(pipeline(from.postgres.tables({ url: from1 }), to.postgres.tables({ url: target }), { signal: abort.signal }));
      const sleeping = `SELECT pid FROM pg_stat_activity WHERE datname = 'whole_target' AND wait_event = 'PgSleep'`;
      while ((await sql(target, sleeping)).length === 0) await new Promise(resolve => setTimeout(resolve, 10));
      abort.abort();
      expect((await run).code).to.equal('CANCELLED');
      expect(await sql(target, sleeping)).to.deep.equal([]);
      const left = `SELECT relname::text AS name FROM pg_class WHERE relkind IN ('r', 'S') AND relnamespace >= 16384 OR relname IN ('slow', 'mine')
        UNION ALL SELECT nspname FROM pg_namespace WHERE nspname = 'other' UNION ALL SELECT typname FROM pg_type WHERE typname = 'mood'`;
      expect(await sql(target, left)).to.deep.equal([{ name: 'mine' }]);
    });
  }

  it('moves sequences that are there on, never back, and says where one is out of range', async () => {
    const from1 = await freshDatabase('whole_numbered');
    await sql(
      from1,
      `CREATE SEQUENCE behind; CREATE SEQUENCE ahead; CREATE SEQUENCE short; SELECT setval('behind', 50), setval('ahead', 50), setval('short', 50);
      CREATE TABLE t (id serial, small int); INSERT INTO t VALUES (40, 1)`,
    );
    await sql(
      target,
      `CREATE SEQUENCE behind; CREATE SEQUENCE ahead; CREATE SEQUENCE short MAXVALUE 9; SELECT setval('ahead', 70); CREATE SEQUENCE t_id_seq MAXVALUE 30; CREATE TABLE t (id int DEFAULT nextval('t_id_seq'), small int); ALTER SEQUENCE t_id_seq OWNED BY t.id`,
    );
    const report = await pipeline(from.postgres.tables({ url: from1 }), to.postgres.tables({ url: target, mode: 'append' }));
    expect(
      await sql(target, `SELECT nextval('behind')::int AS behind, nextval('ahead')::int AS ahead, nextval('short')::int AS short`),
    ).to.deep.equal([{ behind: 51, ahead: 71, short: 1 }]);
    const said = report.warnings.join('\n');
    expect(said).to.include('state of sequence "public.short" is left out: ').and.to.include('advance the sequence of column "id"');
  });

  it('waits for the disk once, in the end, for all that it has made', async () => {
    const from1 = await freshDatabase('whole_flushed');
    await sql(
      from1,
      'CREATE TABLE t (id int PRIMARY KEY, x int); CREATE INDEX ON t (x); INSERT INTO t SELECT i, i FROM generate_series(1, 100) i',
    );
    await sql(
      target,
      `CREATE SCHEMA log; CREATE TABLE log.seen (what text, waits text, place pg_lsn);
      CREATE FUNCTION log.see() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log.seen VALUES (tg_tag, current_setting('synchronous_commit'), pg_current_wal_insert_lsn()); END $$;
      CREATE EVENT TRIGGER see ON ddl_command_end WHEN TAG IN ('CREATE INDEX', 'CREATE TABLE') EXECUTE FUNCTION log.see()`,
    );
    await pipeline(from.postgres.tables({ url: from1 }), to.postgres.tables({ url: target }));
    expect(
      await sql(target, 'SELECT what, waits, place <= pg_current_wal_flush_lsn() AS flushed FROM log.seen ORDER BY place'),
    ).to.deep.equal([
      { what: 'CREATE TABLE', waits: 'on', flushed: true },
      { what: 'CREATE INDEX', waits: 'off', flushed: true },
    ]);
  });

  it('leaves out what the target does not understand, and goes on', async () => {
    const client = new pg.Client(target);
    await client.connect();
    try {
      const warnings: string[] = [];
      const run = { client, warn: (message: string) => void warnings.push(message) };
      const statements = [
        'CREATE TABLE one (x int)',
        'CREATE TABEL two (x int)',
        'CREATE TABLE three (x no_such)',
        'CREATE TABLE four (x int)',
      ];
      const ddl = statements.map((text, i) => ({ object: `statement ${i}`, sql: text }));
      await client.query('BEGIN');
      expect((await runAll(run, ddl)).map(failed => failed.ddl.object)).to.deep.equal(['statement 1', 'statement 2']);
      await client.query('COMMIT');
      expect(warnings).to.deep.equal([
        'statement 1 is left out: syntax error at or near "TABEL"',
        'statement 2 is left out: type "no_such" does not exist',
      ]);
    } finally {
      await client.end();
    }
    expect(
      await sql(target, `SELECT relname::text AS name FROM pg_class WHERE relname IN ('one', 'two', 'three', 'four') ORDER BY 1`),
    ).to.deep.equal([{ name: 'four' }, { name: 'one' }]);
  });

  it('a partition without its parent becomes a table, and that is said', async () => {
    const report = await pipeline(from.postgres.tables({ url: source, tables: 'e1' }), to.postgres.tables({ url: target }));
    expect(report.warnings).to.include('not carried: place of public.e1 below public.e, which is not among the tables');
    expect(
      await sql(target, 'SELECT relispartition, (SELECT count(*)::int FROM e1) AS n FROM pg_class WHERE relname = $1', ['e1']),
    ).to.deep.equal([{ relispartition: false, n: (await sql(source, 'SELECT count(*)::int AS n FROM e1'))[0]?.['n'] }]);
  });

  it('connects by functions: a password that is fetched, a socket that is made', async () => {
    let [passwords, sockets] = [0, 0];
    const means = (url: string): { url: string; password: () => string; socket: () => Duplex } => ({
      url,
      password: () => (passwords++, 'unused'),
      socket: () => (sockets++, connect(Number(new URL(url).port), '127.0.0.1')),
    });
    const report = await pipeline(from.postgres.tables({ ...means(source), tables: 'hollow,up' }), to.postgres.tables(means(target)));
    expect([report.status, report.written]).to.deep.equal(['ok', 1]);
    expect([sockets >= 4, passwords >= 4]).to.deep.equal([true, true]);
  });

  it('plan names all of it in order, and what is not carried', async () => {
    const { stages, problems } = await plan(from.postgres.tables({ url: source }), to.postgres.tables({ url: target }));
    const notes = stages[0]?.notes ?? [];
    expect(problems).to.deep.equal([]);
    expect(notes.indexOf('type public.pair')).to.be.greaterThan(notes.indexOf('type public.mood'));
    expect(notes.indexOf('view public.v0')).to.be.greaterThan(notes.indexOf('view public.v1'));
    expect(notes).to.include('not carried: function public.f()');
  });

  it('never empties the tables that it reads from, under whatever address', async () => {
    const url = await freshDatabase('whole_itself');
    await sql(url, 'CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2)');
    const other = url.replace('127.0.0.1', 'localhost');
    const stages = () => [from.postgres.tables({ url, tables: 't' }), to.postgres.tables({ url: other, mode: 'replace' })] as const;
    const { code, message } = await failure(pipeline(...stages()));
    expect([code, message]).to.deep.equal(['OPTION_INVALID', message]);
    expect(message).to.include('it is the database that is read');
    expect((await plan(...stages())).problems.map(problem => problem.message)).to.include(message);
    expect(await sql(url, 'SELECT x FROM t ORDER BY 1')).to.deep.equal([{ x: 1 }, { x: 2 }]);
  });

  it('goes nowhere else, and has nothing between', async () => {
    expect([sourceKind.kind, sinkKind.kind]).to.deep.equal(['postgres-tables', 'postgres-tables']);
    const whole = [from.postgres.tables({ url: source }), to.postgres.tables({ url: target })] as const;
    const refused = [
      [pipeline(whole[0], to.null()), 'postgres-tables to null'],
      [pipeline(from.records([{ a: 1 }]), whole[1]), 'records to postgres-tables'],
      [pipeline(whole[0], take(1) as never, whole[1]), 'take'],
    ] as const;
    for (const [run, found] of refused) {
      const { code, message } = await failure(run);
      expect([code, message]).to.deep.equal(['PIPELINE_INVALID', message]);
      expect(message).to.include(`nothing between them (${found})`);
    }
  });
});
