import { expect } from 'chai';
import { from, type PartPlan, pipeline, type Plan, plan, type PlanStage, to } from '../../lib/index.ts';
import { millrace } from '../cli/millrace.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { failure } from './postgres-harness.ts';

const SHOP = `
  CREATE SCHEMA "Crm.x"; CREATE TYPE mood AS ENUM ('low', 'it''s'); CREATE SEQUENCE loose START 5;
  CREATE TABLE customer (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, m mood DEFAULT 'low',
    price numeric CHECK (price > 0), at timestamptz, twice int GENERATED ALWAYS AS (id * 2) STORED);
  CREATE TABLE "Crm.x"."T ""1" (id serial PRIMARY KEY, customer int REFERENCES customer, self int REFERENCES "Crm.x"."T ""1", note text);
  CREATE INDEX by_note ON "Crm.x"."T ""1" (lower(note)); COMMENT ON TABLE customer IS 'who''s';
  CREATE TABLE e (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day); CREATE TABLE e1 PARTITION OF e FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE TABLE up (x int); CREATE TABLE down (y int) INHERITS (up);
  CREATE VIEW seen AS SELECT id FROM customer; COMMENT ON VIEW seen IS 'a view';
  INSERT INTO customer (email, price, at) SELECT 'c' || i, i + 0.125, '2024-01-01' FROM generate_series(1, 20) i; INSERT INTO "Crm.x"."T ""1" (customer) SELECT 1 + i % 20 FROM generate_series(1, 50) i`;

describe('the plan of a whole database', () => {
  let [source, target] = ['', ''];
  before(async () => {
    source = await freshDatabase('tables_plan_source');
    await sql(source, SHOP);
  });
  beforeEach(async () => void (target = await freshDatabase('tables_plan_target')));

  const planned = (options: object = {}, tables?: string): Promise<Plan> =>
    plan(
      from.postgres.tables({ url: source, ...(tables === undefined ? {} : { tables }) }),
      to.postgres.tables({ url: target, ...options }),
    );
  const copied = (options: object = {}): Promise<unknown> =>
    pipeline(from.postgres.tables({ url: source }), to.postgres.tables({ url: target, ...options }));
  const sinkOf = ({ stages }: Plan): PlanStage => stages.at(-1) as PlanStage;
  const part = (told: Plan, name: string): PartPlan => sinkOf(told).parts?.find(one => one.name === name) as PartPlan;
  const problems = (told: Plan): string[] => told.problems.map(({ code, message }) => `${code} ${message}`);

  it('lists all that is made, in order, and what was planned is what the server is sent', async () => {
    const told = await planned();
    expect(problems(told)).to.deep.equal([]);
    expect(sinkOf(told).statements).to.deep.equal(['CREATE SCHEMA "Crm.x"']);
    expect(sinkOf(told).parts?.map(({ kind, name, exists }) => `${kind} ${name} ${String(exists)}`)).to.deep.equal([
      'type public.mood false',
      'table "Crm.x"."T ""1" false',
      'table public.customer false',
      'table public.up false',
      'table public.down false',
      'table public.e false',
      'table public.e1 false',
      'sequence public.loose false',
      'view public.seen false',
    ]);
    expect(part(told, 'public.customer').statements).to.deep.equal([
      `CREATE TABLE "public"."customer" ("id" integer CONSTRAINT "customer_id_not_null" NOT NULL GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME "public"."customer_id_seq" START WITH 1 INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 CACHE 1 NO CYCLE), "email" text CONSTRAINT "customer_email_not_null" NOT NULL, "m" public.mood, "price" numeric, "at" timestamp with time zone, "twice" integer GENERATED ALWAYS AS ((id * 2)) STORED)`,
      `ALTER TABLE ONLY "public"."customer" ALTER COLUMN "m" SET DEFAULT 'low'::public.mood`,
      'ALTER TABLE "public"."customer" ADD CONSTRAINT "customer_price_check" CHECK ((price > (0)::numeric))',
      'COPY "public"."customer" ("id", "email", "m", "price", "at") FROM STDIN (FORMAT binary)',
      'ALTER TABLE "public"."customer" ADD CONSTRAINT "customer_pkey" PRIMARY KEY (id)',
      'ALTER TABLE "public"."customer" ADD CONSTRAINT "customer_email_key" UNIQUE (email)',
      `SELECT pg_catalog.setval('"public"."customer_id_seq"', 20, true)`,
      `COMMENT ON TABLE "public"."customer" IS 'who''s'`,
    ]);
    expect(part(told, 'public.customer').types?.at(-1)).to.deep.equal({
      ...{ name: 'twice', from: 'integer', to: 'integer' },
      change: 'left out',
    });
    const odd = part(told, '"Crm.x"."T ""1"').statements?.join('\n') ?? '';
    expect(odd)
      .to.include('CREATE INDEX "by_note" ON "Crm.x"."T ""1" USING btree (lower(note))')
      .and.to.include('FOREIGN KEY (customer) REFERENCES public.customer(id)')
      .and.to.include('CREATE SEQUENCE "Crm.x"."T ""1_id_seq"')
      .and.to.include(`SELECT pg_catalog.setval('"Crm.x"."T ""1_id_seq"', 50, true)`);
    expect(part(told, 'public.down').statements?.[0]).to.include('INHERITS ("public"."up")');
    expect(part(told, 'public.e').statements?.[0]).to.include('PARTITION BY RANGE (day)');
    expect(part(told, 'public.e').statements?.join()).to.include('PRIMARY KEY').and.not.to.include('COPY');
    expect(part(told, 'public.e1').statements?.join('\n')).to.match(
      /ATTACH PARTITION[^]*COPY "public"\."e1"[^]*ALTER INDEX .* ATTACH PARTITION/,
    );
    expect(part(told, 'public.seen').statements).to.deep.equal([
      'CREATE VIEW "public".seen (id) AS  SELECT id\n   FROM public.customer'.replace('"public"', 'public'),
      `COMMENT ON VIEW "public"."seen" IS 'a view'`,
    ]);
    expect(await sql(target, `SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = 'public'::regnamespace`)).to.deep.equal([
      { n: 0 },
    ]);
    const text = told.explain();
    expect(text)
      .to.match(/^ {2}table public\.customer$/m)
      .and.to.match(/^ {4}COPY "public"\."customer"/m);

    await sql(
      target,
      `CREATE EXTENSION IF NOT EXISTS plpgsql; CREATE TABLE log (t text); CREATE FUNCTION log() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log VALUES (current_query()); END $$;
      CREATE EVENT TRIGGER log ON ddl_command_end EXECUTE FUNCTION log()`,
    );
    await copied();
    const sent = (await sql<{ t: string }>(target, 'SELECT DISTINCT t FROM log')).map(({ t }) => t).join('\n');
    const ddl = (sinkOf(told).parts ?? [])
      .flatMap(({ statements = [] }) => statements)
      .filter(text => /^(?:CREATE|ALTER|COMMENT)/.test(text));
    expect(ddl.length).to.be.greaterThan(20);
    expect(ddl.filter(text => !sent.includes(text))).to.deep.equal([]);
  });

  it('names every table that is there, as the run refuses them', async () => {
    await sql(target, 'CREATE TABLE customer (); CREATE TABLE up ()');
    const told = await planned();
    const error = await failure(copied());
    expect(problems(told)).to.deep.equal([`${error.code} ${error.message}`]);
    expect(error.code).to.equal('EXISTS');
    expect([part(told, 'public.customer').exists, part(told, 'public.customer').notes, part(told, 'public.e').exists]).to.deep.equal([
      true,
      ['it is there'],
      false,
    ]);
    const { status, out, err } = await millrace(['plan', source, target]);
    expect([status, err.includes('public.customer, public.up')]).to.deep.equal([73, true]);
    expect(out).to.include('table public.customer\n    it is there');
  });

  it('names what differs in each table that is there, what lossy changes and how, and the indexes that are built again', async () => {
    await sql(
      target,
      `CREATE TABLE customer (id int PRIMARY KEY, email varchar(3), m text, price numeric(8,1), at date, twice int, CONSTRAINT few CHECK (id < 1000)); CREATE INDEX slow ON customer (price);
       CREATE TABLE up (x bool); CREATE TABLE down (z int)`,
    );
    const told = await planned({ mode: 'append' });
    expect(told.problems.map(({ code, message }) => `${code} ${message.replace(/:.*/, '')}`)).to.deep.equal([
      'TYPE_NOT_CARRIED public.customer',
      'TYPE_NOT_CARRIED public.up',
      'COLUMN_UNKNOWN public.down',
      'COLUMN_UNKNOWN public.down',
    ]);
    const options = { mode: 'append', indexes: 'rebuild', lossy: ['customer.price', 'customer.at'] };
    const allowed = await planned(options, 'customer');
    expect(problems(allowed)).to.deep.equal([]);
    const { types = [], notes = [], statements = [] } = part(allowed, 'public.customer');
    expect(types.filter(({ change }) => change === 'lossy')).to.deep.equal([
      { name: 'price', from: 'numeric', to: 'numeric(8,1)', change: 'lossy', loss: 'rounded to scale 1' },
      { name: 'at', from: 'timestamptz', to: 'date', change: 'lossy', loss: 'only its date in UTC is kept' },
    ]);
    expect(allowed.explain()).to.match(/price +numeric +→ +numeric\(8,1\) +may lose something: rounded to scale 1; counted/);
    expect(notes).to.deep.equal([
      'the table is there: rows are added to those that it has',
      'it lacks what the table that the records come from has: check "customer_price_check" (CHECK ((price > (0)::numeric))); unique key "customer_email_key" (UNIQUE (email))',
      'these columns may be null in it, unlike those that they come from: "email"',
      'it refuses rows that the table that they come from does not: check "few" (CHECK ((id < 1000)))',
      'indexes that are dropped before the load and built after it: "slow"; others cannot read the table meanwhile',
    ]);
    expect(statements).to.deep.equal([
      'DROP INDEX "public"."slow"',
      'COPY "public"."customer" ("id", "email", "m", "price", "at") FROM STDIN (FORMAT binary)',
      'CREATE INDEX "slow" ON "public"."customer" USING btree (price)',
    ]);
    const report = await pipeline(
      from.postgres.tables({ url: source, tables: 'customer' }),
      to.postgres.tables({ url: target, ...options } as never),
    );
    expect(report.written).to.equal(20);
    expect(problems(await planned({ mode: 'append', lossy: ['customer.no'] }))[0]).to.match(/^COLUMN_UNKNOWN .*public\.customer\.no/);
  });

  it('says what is emptied, and by what it cannot be', async () => {
    await sql(
      target,
      'CREATE TABLE up (x int); CREATE TABLE customer (id int PRIMARY KEY); CREATE TABLE outside (c int CONSTRAINT inward REFERENCES customer)',
    );
    const told = await planned({ mode: 'replace' }, 'up');
    expect([problems(told), sinkOf(told).statements, part(told, 'public.up').notes]).to.deep.equal([
      [],
      ['TRUNCATE ONLY "public"."up"'],
      ['the table is there: emptied, with all others, before the first row of any'],
    ]);
    expect(problems(await planned({ mode: 'replace' }, 'customer'))[0]).to.match(/^OPTION_INVALID .*outside \(inward\)/);
  });

  it('names types that the target lacks, others of the same name, and rights that lack', async () => {
    await sql(source, `CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE cited (t citext[], own "Crm.x"."T ""1")`).catch(() => undefined);
    try {
      await sql(target, `CREATE TYPE mood AS ENUM ('other'); CREATE VIEW seen AS SELECT 1 AS id; CREATE SEQUENCE loose START 5`);
      const told = await planned();
      const [{ n }] = (await sql(source, `SELECT count(*)::int AS n FROM pg_extension WHERE extname = 'citext'`)) as [{ n: number }];
      if (n === 1) {
        expect(problems(told)).to.deep.equal([
          'NOT_FOUND public.cited: the target has no type public.citext[], so the table cannot be made; make it there',
        ]);
        const failed = await failure(copied());
        expect(failed.message).to.match(/^2 of \d+ tables failed/);
        expect(failed.message).to.include('public.cited: the table cannot be made: type "public.citext[]" does not exist');
        target = await freshDatabase('tables_plan_target');
        await sql(target, `CREATE TYPE mood AS ENUM ('other'); CREATE VIEW seen AS SELECT 1 AS id; CREATE SEQUENCE loose START 5`);
      }
      expect(part(told, 'public.mood').notes).to.deep.equal(['another one is there, and stays as it is']);
      expect(part(told, 'public.seen').notes).to.deep.equal(['another one is there, and stays as it is']);
      expect(part(told, 'public.loose').notes).to.deep.equal(['it is there, and stays as it is']);
      await sql(target, `DROP ROLE IF EXISTS "plans only"; CREATE ROLE "plans only" LOGIN; CREATE TABLE up (x int)`);
      const as = new URL(target);
      as.username = 'plans%20only';
      const theirs = await plan(
        from.postgres.tables({ url: source, tables: 'up,down,"Crm.x".*' }),
        to.postgres.tables({ url: as.href, mode: 'replace' }),
      );
      expect(problems(theirs)).to.deep.equal([
        'NOT_PERMITTED this user may not CREATE schemas in the database; grant it',
        'NOT_PERMITTED this user may not CREATE in schema "public"; grant it',
        'NOT_PERMITTED this user may not TRUNCATE these tables: "public"."up"; grant it',
        'NOT_PERMITTED public.up: this user may not INSERT in table "public.up"; grant it',
      ]);
      await sql(target, 'DROP ROLE "plans only"');
    } finally {
      await sql(source, 'DROP TABLE IF EXISTS cited; DROP EXTENSION IF EXISTS citext');
    }
  });

  it('names every table of which not all rows may be read', async () => {
    await sql(
      source,
      `DROP ROLE IF EXISTS "reads some"; CREATE ROLE "reads some" LOGIN; CREATE SCHEMA unseen; CREATE TABLE unseen.t (id int PRIMARY KEY);
        GRANT SELECT ON unseen.t TO "reads some"; GRANT SELECT ON up, customer TO "reads some"; GRANT SELECT (x, y) ON down TO "reads some"; ALTER TABLE customer ENABLE ROW LEVEL SECURITY`,
    );
    const as = new URL(source);
    as.username = 'reads%20some';
    try {
      const stages = () =>
        [from.postgres.tables({ url: as.href, tables: 'up,down,customer,e1,unseen.t' }), to.postgres.tables({ url: target })] as const;
      expect(problems(await plan(...stages()))).to.deep.equal([
        'NOT_PERMITTED public.customer: row-level security may hide rows of it from this user',
        'NOT_PERMITTED public.e1: this user may not SELECT from it; grant it',
        'NOT_PERMITTED unseen.t: this user may not use its schema; grant it',
      ]);
      const { code, message } = await failure(pipeline(...stages()));
      expect([code, message.slice(0, 20)]).to.deep.equal(['NOT_PERMITTED', '3 of 5 tables failed']);
    } finally {
      await sql(
        source,
        'DROP SCHEMA unseen CASCADE; ALTER TABLE customer DISABLE ROW LEVEL SECURITY; DROP OWNED BY "reads some"; DROP ROLE "reads some"',
      );
    }
  });

  it('refuses what is no copy of a database', async () => {
    const told = await plan(from.postgres.tables({ url: source }), to.null());
    expect(problems(told)[0]).to.match(/^PIPELINE_INVALID whole databases go from tables to tables/);
  });
});
