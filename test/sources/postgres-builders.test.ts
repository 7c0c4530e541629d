import { expect } from 'chai';
import { count, eq, gt, sql as fragment } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import * as d from 'drizzle-orm/pg-core';
import { type Generated, Kysely, PostgresDialect, sql as raw } from 'kysely';
import pg from 'pg';
import { filter, pipeline } from '../../lib/index.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { memory } from '../../sinks/memory.ts';
import { postgres } from '../../sources/postgres.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { failureOf } from './postgres-reading.ts';

interface Tables {
  people: { id: Generated<number>; full_name: string; born: Timestamp | null };
}

const people = d.pgTable('people', {
  id: d.bigint({ mode: 'number' }).primaryKey(),
  fullName: d.text('full_name').notNull(),
  born: d.timestamp({ withTimezone: true }),
  seen: d.timestamp(),
  day: d.date({ mode: 'date' }),
  since: d.timestamp({ withTimezone: true, mode: 'string' }),
  share: d.numeric({ mode: 'number' }),
  tags: d.text().array(),
  data: d.jsonb().$type<{ a: number }>(),
  place: d.point(),
});

describe('source postgres: the query of a query builder', () => {
  let url = '';
  let pool: pg.Pool;
  let kysely: Kysely<Tables>;
  let orm: ReturnType<typeof drizzle<{ people: typeof people }>>;
  before(async () => {
    url = await freshDatabase('builders_test');
    await sql(
      url,
      `CREATE TABLE people (id int8 PRIMARY KEY, full_name text NOT NULL, born timestamptz, seen timestamp, day date, since timestamptz,
       share numeric, tags text[], data jsonb, place point);
       INSERT INTO people VALUES (1, 'Åse', '2000-01-01 00:00:00.000001Z', '2001-02-03 04:05:06.000007', '2002-03-04', '2003-01-01 12:00+02', 0.5, '{a,b}', '{"a":1}', '(1,2)'),
       (2, 'Bo', NULL, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL), (3, 'Carla', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
    );
    pool = new pg.Pool({ connectionString: url });
    kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    orm = drizzle(pool, { schema: { people } });
  });
  after(() => pool.end());

  it('reads a query of Kysely, with its values and the type of its rows', async () => {
    const query = kysely
      .selectFrom('people')
      .select(['id', 'full_name as name', 'born'])
      .where('id', 'in', [1, 2])
      .where('full_name', '<>', "o'Bo")
      .orderBy('id');
    const rows = await postgres({ url, query }).toArray();
    const names: string[] = rows.map(row => row.name.toUpperCase());
    expect(names).to.deep.equal(['ÅSE', 'BO']);
    expect(rows[0]?.born).to.deep.equal(Timestamp.fromText('2000-01-01T00:00:00.000001Z'));
    const kept: { id: number }[] = [];
    const report = await pipeline(
      postgres({ url, query: kysely.selectFrom('people').select('id') }),
      filter({ id: { gt: 2 } }),
      memory(kept),
    );
    expect(kept).to.deep.equal([{ id: 3 }]);
    expect(report.read).to.equal(1);
  });

  it('reads statements of Kysely that change rows, and what it has compiled', async () => {
    const query = kysely.insertInto('people').values({ id: 9, full_name: 'Nina', born: null }).returning(['id', 'full_name']);
    expect(await postgres({ url, query }).toArray()).to.deep.equal([{ id: 9, full_name: 'Nina' }]);
    expect(await postgres({ url, query: kysely.deleteFrom('people').where('id', '=', 9).returningAll() }).toArray()).to.have.length(1);
    const compiled = raw<{ n: number }>`select ${2}::int + 1 as n`.compile(kysely);
    expect(await postgres<{ n: number }>({ url, query: compiled }).toArray()).to.deep.equal([{ n: 3 }]);
  });

  it('reads a query of Drizzle, under the names and with the values that it gives them', async () => {
    const query = orm
      .select({ key: people.id, fullName: people.fullName, born: people.born, seen: people.seen, day: people.day, since: people.since })
      .from(people)
      .where(gt(people.id, 0))
      .orderBy(people.id);
    const rows = await postgres({ url, query }).toArray();
    const years: (number | undefined)[] = rows.map(row => row.seen?.getUTCFullYear());
    expect(years).to.deep.equal([2001, Number.NaN, undefined]);
    const theirs = await query;
    expect(rows[0]).to.deep.equal({
      key: 1,
      fullName: 'Åse',
      born: Timestamp.fromText('2000-01-01T00:00:00.000001Z'),
      seen: Timestamp.fromText('2001-02-03T04:05:06.000007Z'),
      day: Timestamp.fromText('2002-03-04T00:00:00Z'),
      since: '2003-01-01 10:00:00+00',
    });
    for (const name of ['born', 'seen', 'day'] as const) expect(rows[0]?.[name]?.getTime()).to.equal(theirs[0]?.[name]?.getTime());
    expect(Object.keys(rows[0] ?? {})).to.deep.equal(Object.keys(theirs[0] ?? {}));
    expect(rows[1]?.seen).to.deep.equal(Timestamp.INFINITY);
  });

  it('filters what a query of Drizzle gives by its own names, in the server', async () => {
    const query = orm.select({ fullName: people.fullName, seen: people.seen }).from(people);
    const kept: { fullName: string }[] = [];
    const filtered = filter<{ fullName: string; seen: Date | null }>({ seen: { lt: new Date('2001-02-03T04:05:07Z') }, fullName: 'Åse' });
    const report = await pipeline(postgres({ url, query }), filtered, memory(kept));
    expect(kept).to.deep.equal([{ fullName: 'Åse', seen: Timestamp.fromText('2001-02-03T04:05:06.000007Z') }]);
    expect(report.stages[1]?.pushed).to.equal(true);
  });

  it('reads numbers in the mode that Drizzle’s columns have, counts, arrays, JSON and returned rows', async () => {
    const numbers = orm.select({ share: people.share, tags: people.tags, data: people.data }).from(people).where(eq(people.id, 1));
    const [row] = await postgres({ url, query: numbers }).toArray();
    expect(row).to.deep.equal({ share: 0.5, tags: ['a', 'b'], data: { a: 1 } });
    const counted = await postgres({
      url,
      query: orm.select({ all: count(), top: fragment<string>`max(${people.fullName})` }).from(people),
    }).toArray();
    expect(counted).to.deep.equal([{ all: 3, top: 'Åse' }]);
    const big = d.pgTable('people', { id: d.bigint({ mode: 'bigint' }) });
    const ids: (bigint | null)[] = (await postgres({ url, query: orm.select().from(big).orderBy(big.id) }).toArray()).map(({ id }) => id);
    expect(ids).to.deep.equal([1n, 2n, 3n]);
    const returned = orm
      .insert(people)
      .values({ id: 8, fullName: 'Nils', seen: new Date(0) })
      .returning({ name: people.fullName, seen: people.seen });
    expect(await postgres({ url, query: returned }).toArray()).to.deep.equal([
      { name: 'Nils', seen: Timestamp.fromText('1970-01-01T00:00:00Z') },
    ]);
    expect(
      await postgres({ url, query: orm.delete(people).where(eq(people.id, 8)).returning({ id: people.id }) }).toArray(),
    ).to.have.length(1);
  });

  it('takes a Standard Schema of its own instead of the builder’s type, and values only from the builder', async () => {
    const source = postgres<{ other: number }>({ url, query: kysely.selectFrom('people').select('id as other') });
    expect(await source.toArray()).to.have.length(3);
    expect(() => postgres({ url, query: kysely.selectFrom('people').selectAll(), values: [1] })).to.throw(
      /"values": the query of a builder has its own/,
    );
  });

  it('refuses by name what would not be the records that the builder promises', async () => {
    const refusals: [() => unknown, RegExp][] = [
      [() => postgres({ url, query: orm.select({ who: people, n: people.id }).from(people) }), /"who" is a group of columns/],
      [() => postgres({ url, query: orm.select({ place: people.place }).from(people) }), /values of column "place" itself/],
      [() => postgres({ url, query: orm.query.people.findMany() }), /makes the rows of this query itself/],
      [() => postgres({ url, query: { sql: 'SELECT 1' } as never }), /neither SQL nor the query of a builder/],
      [() => postgres({ url, query: raw`select 1` as never }), /cannot be compiled/],
    ];
    for (const [make, reason] of refusals) expect(make).to.throw(reason).with.property('code', 'OPTION_INVALID');
    const deletion = kysely.deleteFrom('people').where('id', '=', 99);
    expect(await failureOf(() => postgres({ url, query: deletion }).toArray())).to.match(/^OPTION_INVALID .*gives no rows/);
  });
});
