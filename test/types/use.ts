// What must compile, with every type inferred.
import { Transform } from 'node:stream';
import { z } from 'zod';
import {
  batch,
  coerce,
  dedupe,
  type DeadLetter,
  filter,
  flatMap,
  from,
  lookup,
  map,
  mapAsync,
  type Checkpoint,
  pipeline,
  type PipelineError,
  plan,
  project,
  rename,
  sample,
  skip,
  sort,
  take,
  tap,
  through,
  validate,
} from '../../lib/index.ts';
import { lowercase } from './define.ts';
import { type Is, is } from './is.ts';
import { to } from './later.ts';

interface User {
  id: number;
  name: string;
  email: string | null;
  age: number;
  country: string;
  active: boolean;
  price: string;
  qty: number;
}
const UserSchema = z.object({ id: z.number(), name: z.string(), email: z.string() });

// The first example of the design, word for word.
const report = await pipeline(
  from.postgres<User>({ url: process.env.PG_URL ?? '', table: 'users' }),
  filter({ country: { in: ['NO', 'SE'] } }),
  filter(user => {
    is<Is<typeof user, User>>();
    return user.name.length > 1;
  }),
  project('id', 'name', 'email'),
  validate(UserSchema),
  to.elasticsearch({ node: 'http://localhost:9200', index: 'users', id: 'id' }),
  { deadLetter: to.file('rejects.ndjson'), onProgress: console.error },
);
is<Is<typeof report.written, number>>();

// Types computed by each operator.
await pipeline(
  from.records([] as User[]),
  map(['price', 'qty'], ({ price, qty }) => ({ total: Number(price) * qty })),
  filter(['age'], ({ age }) => age > 30),
  rename({ name: 'fullName' }),
  coerce({ price: 'float' }),
  map(r => {
    is<Is<typeof r.price, number>>();
    is<Is<typeof r.fullName, string>>();
    is<Is<typeof r.total, number>>();
    return { id: r.id, mail: r.email };
  }),
  filter((r): r is { id: number; mail: string } => r.mail !== null),
  to.postgres({ table: 'x', key: ['mail'] }),
);

// Predicates: digits against a text column, ISO text against a date, paths, exists.
interface Item {
  id: number;
  price: string;
  made: Date;
  meta: { a: number } | null;
  kind: 'a' | 'b';
}
await pipeline(
  from.records([] as Item[]),
  filter({
    price: { gt: 5n },
    made: { gte: '2024-01-01' },
    'meta.a': { lt: 3 },
    meta: { exists: true },
    kind: { in: ['a'] },
    or: [{ price: { like: '1%' } }, { not: { id: { notBetween: [1, 2] } } }],
  }),
  mapAsync(
    async item => {
      is<Is<typeof item, Item>>();
      return { id: item.id, twice: item.id * 2 };
    },
    { concurrency: 8 },
  ),
  map(r => {
    is<Is<typeof r.twice, number>>();
    return r;
  }),
  to.file('x.ndjson'),
);

// Dead letters once more: their records have the type that they are given.
await pipeline(
  from.deadLetters<User>(from.file<DeadLetter>('rejects.ndjson'), { only: ['ROW_REFUSED'] }),
  filter(u => u.active),
  project('id', 'name'),
  to.postgres({ table: 'u', mode: 'upsert', key: ['id'] }),
);

// A schema gives the row type.
await pipeline(
  from.postgres({ table: 'u', schema: UserSchema }),
  filter(u => u.email.length > 0),
  flatMap(u => [{ id: u.id }, { id: 2 }]),
  tap(n => n.id.toFixed()),
  skip(1),
  take(3),
  map(n => ({ n: n.id })),
  to.file('x.csv'),
);
await plan(
  from.postgres<User>({ table: 'u' }),
  filter(u => u.active),
  to.file('x.csv'),
);

// A custom operator, a foreign stream.
await pipeline(
  from.postgres<User>({ table: 'users' }),
  lowercase('name', 'email'),
  through<{ line: string }>(new Transform({ objectMode: true })),
  map(r => ({ length: r.line.length })),
  to.file('x.csv'),
);

await pipeline(
  from.postgres<User>({ table: 'users' }),
  sort('country', '-age'),
  map(u => ({ n: u.name.length })),
  sort('-n'),
  to.file('x'),
);
await pipeline(from.postgres<User>({ table: 'users' }), sort({ country: 'asc', age: 'desc' }), project('id'), to.file('x'));

// Operators that keep something: the row goes through, or is what a function makes of several.
await pipeline(
  from.postgres<User>({ table: 'users' }),
  dedupe('email'),
  dedupe(['name', 'country'], { last: 1000 }),
  sample({ share: 0.5 }),
  map(r => {
    is<Is<typeof r, User>>();
    return r;
  }),
  batch(10, rows => {
    is<Is<typeof rows, readonly User[]>>();
    return rows.map(({ id }) => ({ id, list: true }));
  }),
  map(r => {
    is<Is<typeof r, { id: number; list: boolean }>>();
    return r;
  }),
  batch(10, async rows => (rows.length > 5 ? { total: await Promise.resolve(rows.length) } : undefined), { delayMs: 50 }),
  map(r => {
    is<Is<typeof r, { total: number }>>();
    return r;
  }),
  to.file('x.csv'),
);

// What lookup adds is in the row: null where nothing may be found, unless such records go.
interface Country {
  code: string;
  name: string;
  size: number;
}
await pipeline(
  from.postgres<User>({ table: 'users' }),
  lookup({ country: 'code' }, from.postgres.lookup<Country>({ table: 'countries' }), { add: { name: 'countryName' } }),
  map(r => {
    is<Is<typeof r.countryName, string | null>>();
    is<Is<typeof r.name, string>>();
    return r;
  }),
  lookup(
    'id',
    async keys => {
      is<Is<typeof keys, readonly number[]>>();
      return await Promise.resolve(keys.map(id => ({ id, points: 1 })));
    },
    { add: ['points'], missing: 'drop' },
  ),
  lookup(
    ['id', 'country'],
    keys => {
      is<Is<(typeof keys)[number]['country'], string>>();
      return keys.map(key => ({ ...key, rank: 1 }));
    },
    { add: ['rank'], missing: 'reject' },
  ),
  map(r => {
    is<Is<typeof r.points, number>>();
    is<Is<typeof r.rank, number>>();
    return { id: r.id };
  }),
  to.file('x.csv'),
);

// Only what is new, by a column of the row.
await pipeline(from.postgres<User>({ table: 'users', since: 'id', overlap: 100 }), to.file('x'));
await pipeline(
  from.postgres({ table: 'users', since: 'anything' }),
  filter(user => {
    is<Is<typeof user, Record<string, unknown>>>();
    return true;
  }),
  to.file('x'),
);
from.postgres({ table: 'users', schema: UserSchema, since: 'email' });

// A run that is lost is tried again for so long; what it had committed stands in its error.
const { attempts } = await pipeline(from.postgres<User>({ table: 'users' }), to.file('x'), { retryFor: '5m' });
is<Is<typeof attempts, number>>();
export const whereItStands = ({ checkpoint, report }: PipelineError): string => {
  is<Is<typeof checkpoint, Checkpoint | undefined>>();
  return `${report.attempts} ${JSON.stringify(checkpoint?.source)}`;
};
