// A typed stage stays an ordinary Node stream.
import { Readable, Transform, type Writable } from 'node:stream';
import { pipeline as nodePipeline } from 'node:stream/promises';
import { filter, from, map, to } from '../../lib/index.ts';
import { type Is, is } from './is.ts';

interface User {
  id: number;
  name: string;
  active: boolean;
}
const users = () => from.postgres<User>({ table: 'users' });

export const readable: Readable = users();
export const writable: Writable = to.file('x.csv');
export const web = Readable.toWeb(users());

// As Writable itself has it in the types of later versions of Node.
is<Is<ReturnType<(typeof to.file<User> extends (path: string) => infer S ? S : never)[typeof Symbol.asyncDispose]>, Promise<void>>>();

await nodePipeline(
  users(),
  filter((u: User) => u.active),
  to.file('x.csv'),
);
await nodePipeline(users(), new Transform({ objectMode: true }), to.file('x.csv'));

const names: string[] = await users()
  .pipe(filter(u => u.active))
  .pipe(map(u => u.name))
  .toArray();
is<Is<(typeof names)[number], string>>();

users()
  .filter(u => u.active)
  .map(u => u.name.length);
users()
  .pipe(filter(u => u.active))
  .pipe(map(u => ({ n: u.name })))
  .pipe(new Transform({ objectMode: true }))
  .pipe(process.stdout);
users()
  .pipe(filter(u => u.active))
  .pipe(to.postgres({ table: 't', key: ['id'] }));

for await (const user of users()) is<Is<typeof user, User>>();
for await (const user of users().pipe(filter(u => u.active))) user.name.toUpperCase();

await using source = users();
await using sink = to.file('x.csv');
source.pipe(sink);
