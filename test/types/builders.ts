// The rows of a query builder's query flow through a pipeline.
import { drizzle } from 'drizzle-orm/node-postgres';
import * as d from 'drizzle-orm/pg-core';
import { DummyDriver, type Generated, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import pg from 'pg';
import { z } from 'zod';
import { filter, from, map, pipeline, project, to } from '../../lib/index.ts';
import { type Is, is } from './is.ts';

interface Tables {
  users: { id: Generated<number>; name: string; email: string | null };
}
const kysely = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: db => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});
const users = d.pgTable('users', { id: d.integer().primaryKey(), fullName: d.text('full_name').notNull(), born: d.timestamp() });
const orm = drizzle(new pg.Pool());

await pipeline(
  from.postgres({ query: kysely.selectFrom('users').select(['id', 'email as mail']) }),
  filter(user => {
    is<Is<typeof user, { id: number; mail: string | null }>>();
    return user.id > 1;
  }),
  project('mail'),
  to.null(),
);
await pipeline(
  from.postgres({ query: orm.select({ id: users.id, who: users.fullName, born: users.born }).from(users) }),
  map(user => {
    is<Is<typeof user, { id: number; who: string; born: Date | null }>>();
    return user.who;
  }),
  to.null(),
);
const returned = await from.postgres({ query: kysely.insertInto('users').values({ name: 'Åse' }).returning('id') }).toArray();
is<Is<(typeof returned)[number], { id: number }>>();
const everything = await from.postgres({ query: orm.select().from(users) }).toArray();
is<Is<(typeof everything)[number], { id: number; fullName: string; born: Date | null }>>();
// Named by hand, or by a schema, it is that.
const named = await from.postgres<{ n: number }>({ query: kysely.selectFrom('users').select('id as n').compile() }).toArray();
is<Is<(typeof named)[number], { n: number }>>();
const told = await from.postgres({ query: kysely.selectFrom('users').selectAll(), schema: z.object({ id: z.number() }) }).toArray();
is<Is<(typeof told)[number], { id: number }>>();
const text = await from.postgres({ query: 'SELECT 1' }).toArray();
is<Is<(typeof text)[number], Record<string, unknown>>>();

// @ts-expect-error a column that the query does not have
await pipeline(from.postgres({ query: kysely.selectFrom('users').select('id') }), project('name'), to.null());
// @ts-expect-error a condition on another type
await pipeline(from.postgres({ query: orm.select({ id: users.id }).from(users) }), filter({ id: 'x' }), to.null());
// @ts-expect-error what is no query
from.postgres({ query: { text: 'SELECT 1' } });
