// Each mistake must fail to compile, at the stage that is wrong. In front of that stage stands what the message must name.
import { z } from 'zod';
import { dedupe, filter, from, lookup, type Operator, pipeline, project, type Sink, sort, to, validate } from '../../lib/index.ts';
import { lowercase } from './define.ts';
import { tee } from './later.ts';

interface User { id: number; name: string; email: string | null; age: number; active: boolean }
const users = from.postgres<User>({ table: 'users' });
declare const needsNick: Operator<{ name: string; nick: string }, { x: number }>;
declare const wantsExtra: Sink<{ id: number; extra: string }>;

// @ts-expect-error a column that is not there, in a function
await pipeline(users, /* wrong: nmae */ filter(u => u.nmae.length > 1), to.file('x'));
// @ts-expect-error a source of something else than dead letters
from.deadLetters(/* wrong: DeadLetter */ users);
// @ts-expect-error … in project
await pipeline(users, /* wrong: nmae */ project('id', 'nmae'), to.file('x'));
// @ts-expect-error … in a predicate
await pipeline(users, /* wrong: nmae */ filter({ nmae: 'A' }), to.file('x'));
// @ts-expect-error a value of another type in a predicate
await pipeline(users, /* wrong: string */ filter({ age: { gt: 'x' } }), to.file('x'));
// @ts-expect-error null matches nothing: ask with exists
await pipeline(users, /* wrong: null */ filter({ email: null }), to.file('x'));
// @ts-expect-error an operator that needs more than it gets
await pipeline(users, filter(u => u.active), /* wrong: nick */ needsNick, to.file('x'));
// @ts-expect-error a sink's key that was projected away
await pipeline(users, project('id', 'name'), /* wrong: email */ to.postgres({ table: 't', key: ['email'] }));
// @ts-expect-error a sink that wants more
await pipeline(users, project('id', 'name'), /* wrong: extra */ wantsExtra);
// @ts-expect-error a schema that wants a field which was projected away
await pipeline(users, project('id', 'name'), /* wrong: email */ validate(z.object({ id: z.number(), email: z.string() })), to.file('x'));
// @ts-expect-error a custom operator on a column of the wrong type
await pipeline(users, /* wrong: age */ lowercase('age'), to.file('x'));
// @ts-expect-error no sink at the end
await pipeline(/* wrong: a pipeline ends in a sink */ users, filter(u => u.active), project('id'));
// @ts-expect-error something after the sink
await pipeline(users, to.file('x'), /* wrong: active */ filter({ active: true }));
// @ts-expect-error an unknown option
await pipeline(users, to.file('x'), /* wrong: deadletter */ { deadletter: to.file('y') });
// @ts-expect-error .pipe: the row is typed too
users.pipe(filter(u => u.active)).pipe(/* wrong: nmae */ project('nmae'));
// @ts-expect-error a key that is not there, inside a tee
await pipeline(users, /* wrong: nmae */ tee(to.postgres({ table: 't', key: ['nmae'] }), to.file('x')));
// @ts-expect-error an order by a column that is not there
await pipeline(users, /* wrong: nmae */ sort('nmae'), to.file('x'));
// @ts-expect-error … in an object
await pipeline(users, /* wrong: nmae */ sort({ nmae: 'asc' }), to.file('x'));
// @ts-expect-error a key that is not there, in dedupe
await pipeline(users, /* wrong: nmae */ dedupe('nmae'), to.file('x'));
// @ts-expect-error … in a list
await pipeline(users, /* wrong: nmae */ dedupe(['id', 'nmae']), to.file('x'));
// @ts-expect-error a key that is not there, in lookup
await pipeline(users, /* wrong: nmae */ lookup('nmae', () => [{ nmae: 1, x: 1 }], { add: ['x'] }), to.file('x'));
// @ts-expect-error a column that is not found
await pipeline(users, lookup('id', () => [{ id: 1, city: 'x' }], /* wrong: ctiy */ { add: ['ctiy'] }), to.file('x'));
// @ts-expect-error a column that is not there, to be followed by
await pipeline(/* wrong: updated_at */ from.postgres<User>({ table: 'users', since: 'updated_at' }), to.file('x'));
