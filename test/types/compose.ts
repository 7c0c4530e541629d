// Reuse: a part of a pipeline as one operator, two sinks, several sources.
import { compose, filter, from, map, pipeline, project } from '../../lib/index.ts';
import { merge, tee, to } from './later.ts';

interface User {
  id: number;
  name: string;
  active: boolean;
}

const names = compose<User>()(
  filter(u => u.active),
  map(u => ({ name: u.name.trim() })),
);
await pipeline(
  from.postgres<User>({ table: 'users' }),
  names,
  map(r => ({ length: r.name.length })),
  to.file('x.csv'),
);

// In place nothing is gained by nesting, and inference does not reach out of it: write the operators side by side.
await pipeline(
  from.postgres<User>({ table: 'users' }),
  compose<User>()(
    filter(u => u.active),
    project('id'),
  ),
  map(r => ({ next: r.id + 1 })),
  to.file('x.csv'),
);

await pipeline(from.postgres<User>({ table: 'users' }), tee(to.postgres({ table: 't', key: ['id'] }), to.file('all.csv')));
await pipeline(
  merge(from.postgres<User>({ table: 'users' }), from.records([] as User[])),
  filter(u => u.active),
  to.file('x.csv'),
);
