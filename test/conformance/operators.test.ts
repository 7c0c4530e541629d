import { Transform } from 'node:stream';
import { z } from 'zod';
import { batch } from '../../operators/batch.ts';
import { coerce } from '../../operators/coerce.ts';
import { mapAsync } from '../../operators/map-async.ts';
import { validate } from '../../operators/validate.ts';
import { dedupe } from '../../operators/dedupe.ts';
import { filter } from '../../operators/filter.ts';
import { flatMap } from '../../operators/flat-map.ts';
import { lookup } from '../../operators/lookup.ts';
import { map } from '../../operators/map.ts';
import { project } from '../../operators/project.ts';
import { rename } from '../../operators/rename.ts';
import { sample } from '../../operators/sample.ts';
import { skip } from '../../operators/skip.ts';
import { sort } from '../../operators/sort.ts';
import { take } from '../../operators/take.ts';
import { tap } from '../../operators/tap.ts';
import { through } from '../../operators/through.ts';
import { Draws } from '../../lib/core/state/draws.ts';
import { compose } from '../../lib/core/run/pipeline.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { operatorCases, type OperatorSubject } from '../../lib/testing/index.ts';

interface Person {
  readonly id: number;
  readonly name: string;
}
const people: Person[] = Array.from({ length: 20 }, (_, id) => ({ id, name: `n${id}` }));
const schema = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: false },
  { name: 'name', type: { kind: 'text' }, nullable: false },
]);

const SHARE = new Draws(1);
/** Those with the least draws. */
function drawn(count: number): Person[] {
  const draws = new Draws(1);
  const least = people.map(person => ({ person, draw: draws.next() })).sort((a, b) => a.draw - b.draw);
  return least
    .slice(0, count)
    .map(({ person }) => person)
    .sort((a, b) => a.id - b.id);
}

const subjects: Record<string, OperatorSubject<Person, any>> = {
  coerce: {
    open: () => coerce<Person, { id: 'string' }>({ id: 'string' }),
    input: people,
    schema,
    expected: people.map(({ id, name }) => ({ id: String(id), name })),
  },
  validate: {
    open: () => validate(z.object({ id: z.number().max(10), name: z.string() })) as any,
    input: people,
    schema,
    expected: people.slice(0, 11),
    rejected: 9,
  },
  mapAsync: {
    open: () => mapAsync((row: Person) => new Promise<{ id: number }>(resolve => setImmediate(() => resolve({ id: -row.id })))),
    input: people,
    schema,
    expected: people.map(({ id }) => ({ id: -id })),
  },
  batch: {
    open: () => batch(7, (rows: readonly Person[]) => ({ ids: rows.map(({ id }) => id).join() })),
    input: people,
    schema,
    expected: [0, 7, 14].map(start => ({
      ids: people
        .slice(start, start + 7)
        .map(({ id }) => id)
        .join(),
    })),
  },
  'batch with more than it got, by promises': {
    open: () =>
      batch(
        3,
        (rows: readonly Person[]) =>
          new Promise<Person[]>(resolve => setTimeout(() => resolve([...rows, ...rows]), (rows[0] as Person).id % 2)),
        { concurrency: 3, delayMs: 1000 },
      ),
    input: people,
    schema,
    expected: [0, 3, 6, 9, 12, 15, 18].flatMap(start => [...people.slice(start, start + 3), ...people.slice(start, start + 3)]),
  },
  'batch that refuses': {
    open: () =>
      batch(4, (rows: readonly Person[]) => {
        if (rows[0]?.id === 8) throw new Error('no');
        return rows;
      }),
    input: people,
    schema,
    expected: people.filter(({ id }) => id < 8 || id > 11),
    rejected: 4,
  },
  dedupe: {
    open: () =>
      compose<Person>()(
        map(row => ({ third: row.id % 7, name: row.name })),
        dedupe('third'),
      ),
    input: people,
    schema,
    expected: people.slice(0, 7).map(({ id, name }) => ({ third: id, name })),
  },
  'dedupe of columns': { open: () => dedupe<Person>(['name', 'id']), input: [...people, ...people], schema, expected: people },
  'dedupe of whole records': { open: () => dedupe<Person>(), input: people.flatMap(p => [p, { ...p }]), schema, expected: people },
  'dedupe of the last keys': {
    open: () => dedupe<Person>('id', { last: 4 }),
    input: people.flatMap(p => [p, ...people.slice(Math.max(0, p.id - 3), p.id)]),
    schema,
    expected: people,
  },
  'filter by a predicate': {
    open: () => filter<Person>({ id: { between: [3, 9] }, name: { like: 'n%' } }),
    input: people,
    schema,
    expected: people.slice(3, 10),
  },
  'filter by a function': {
    open: () => filter((row: Person) => row.id % 3 === 0),
    input: people,
    schema,
    expected: people.filter(({ id }) => id % 3 === 0),
  },
  'filter over fields': {
    open: () => filter<Person, 'name'>(['name'], ({ name }) => name.length > 2),
    input: people,
    schema,
    expected: people.slice(10),
  },
  project: { open: () => project<Person, 'name'>('name'), input: people, schema, expected: people.map(({ name }) => ({ name })) },
  rename: {
    open: () => rename<Person, { id: 'key' }>({ id: 'key' }),
    input: people,
    schema,
    expected: people.map(({ id, name }) => ({ key: id, name })),
  },
  map: {
    open: () => map((row: Person) => ({ twice: row.id * 2 })),
    input: people,
    schema,
    expected: people.map(({ id }) => ({ twice: id * 2 })),
  },
  'map over fields': {
    open: () => map<Person, 'id', { name: string }>(['id'], ({ id }) => ({ name: `x${id}` })),
    input: people,
    schema,
    expected: people.map(({ id }) => ({ id, name: `x${id}` })),
  },
  flatMap: {
    open: () => flatMap((row: Person) => Array.from({ length: row.id % 3 }, (_, n) => ({ id: row.id, n }))),
    input: people,
    schema,
    expected: people.flatMap(({ id }) => Array.from({ length: id % 3 }, (_, n) => ({ id, n }))),
  },
  lookup: {
    open: () =>
      lookup<Person, 'id', { id: number; double: number }, ['double'], 'reject'>(
        'id',
        keys => new Promise(resolve => setImmediate(() => resolve(keys.filter(id => id !== 5).map(id => ({ id, double: id * 2 }))))),
        { add: ['double'], missing: 'reject' },
      ),
    input: people,
    schema,
    expected: people.filter(({ id }) => id !== 5).map(person => ({ ...person, double: person.id * 2 })),
    rejected: 1,
  },
  take: { open: () => take<Person>(7), input: people, schema, expected: people.slice(0, 7) },
  'take of nothing': { open: () => take<Person>(0), input: people, schema, expected: [] },
  'take of more than there is': { open: () => take<Person>(100), input: people, schema, expected: people },
  skip: { open: () => skip<Person>(7), input: people, schema, expected: people.slice(7) },
  'sample of a share': {
    open: () => sample<Person>({ share: 0.4, seed: 1 }),
    input: people,
    schema,
    expected: people.filter(() => SHARE.next() < 0.4),
  },
  'sample of a count': { open: () => sample<Person>({ count: 5, seed: 1 }), input: people, schema, expected: drawn(5) },
  'sample of none': { open: () => sample<Person>({ count: 0 }), input: people, schema, expected: [] },
  'sample of more than there is': { open: () => sample<Person>({ count: 50 }), input: people, schema, expected: people },
  sort: { open: () => sort<Person>('-name', 'id'), input: people, schema, expected: people.toSorted((a, b) => (a.name < b.name ? 1 : -1)) },
  'sort and take': {
    open: () => compose<Person>()(sort({ id: 'desc' }), take(3)),
    input: people,
    schema,
    expected: people.toReversed().slice(0, 3),
  },
  tap: { open: () => tap<Person>(() => undefined), input: people, schema, expected: people },
  compose: {
    open: () =>
      compose<Person>()(
        skip(2),
        map(row => ({ id: row.id })),
        take(3),
      ),
    input: people,
    schema,
    expected: people.slice(2, 5).map(({ id }) => ({ id })),
  },
  'through a Transform': {
    open: () =>
      through<unknown>(
        new Transform({
          objectMode: true,
          transform(row: Person, _encoding, callback) {
            callback(null, row.id % 2 === 0 ? { even: row.id } : undefined);
          },
        }),
      ),
    input: people,
    schema,
    expected: people.filter(({ id }) => id % 2 === 0).map(({ id }) => ({ even: id })),
  },
  'through a web TransformStream': {
    open: () =>
      through<unknown>(new TransformStream<Person, unknown>({ transform: (row, controller) => controller.enqueue({ x: row.id }) })),
    input: people,
    schema,
    expected: people.map(({ id }) => ({ x: id })),
  },
  'through a generator function': {
    open: () =>
      through<unknown>(async function* (rows) {
        for await (const row of rows) if ((row.id as number) > 3) yield row;
      }),
    input: people,
    schema,
    expected: people.slice(4),
  },
};

for (const [name, subject] of Object.entries(subjects)) {
  describe(`operator ${name}`, () => {
    for (const { name: title, run } of operatorCases(subject)) it(title, run);
  });
}
