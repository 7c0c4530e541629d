// What is no source, operator or sink is refused when it is built, not at the first record.
import { expect } from 'chai';
import * as millrace from '../lib/index.ts';
import { MillraceError } from '../lib/index.ts';

type Build = (...given: unknown[]) => unknown;
const { from, to, ...operators } = millrace as unknown as { from: Record<string, Build>; to: Record<string, Build> } & Record<
  string,
  Build
>;
const build = (name: string): Build => {
  const [space, ...rest] = name.split('.');
  if (rest.length === 0) return operators[name] as Build;
  const found = (space === 'from' ? from : to)[rest[0] as string] as Build & Record<string, Build>;
  return rest[1] === undefined ? found : (found[rest[1]] as Build);
};
const id = (row: unknown): unknown => row;

/** What is given, and what the message names. */
const WRONG: readonly (readonly [name: string, given: readonly unknown[], named: RegExp])[] = [
  ['to.function', [5], /^function: argument "use": found a number, wanted is a function$/],
  ['to.function', [], /^function: argument "use": found nothing, wanted is a function$/],
  ['to.function', [id, 5], /^function: argument "options": found a number/],
  ['to.memory', [5], /^memory: argument "rows": found a number, wanted is an array$/],
  ['to.memory', [null], /^memory: argument "rows": found null/],
  ['to.stream', [{}], /^stream: argument "foreign": found an object, wanted is a Node Writable or a web WritableStream$/],
  ['to.file', [5], /option "path"/],
  ['to.file', ['a.csv', 5], /^file: argument "more": found a number/],
  ['to.postgres', ['postgres://x/y'], /^postgres: argument "options": found text, wanted is an object/],
  ['to.postgres', [], /^postgres: argument "options": found nothing/],
  ['to.postgres', [{ url: 'postgres://h/d', table: 't', key: ['a', 'a'] }], /^postgres: option "key": a column is named twice$/],
  ['to.postgres.tables', [null], /^postgres-tables: argument "options": found null/],
  ['from.postgres', ['postgres://x/y'], /^postgres: argument "options": found text/],
  ['from.postgres', [], /^postgres: argument "options": found nothing/],
  ['from.postgres.tables', [7], /^postgres-tables: argument "options": found a number/],
  ['from.file', [{}], /option "path"/],
  ['from.file', ['a.csv', 'b.csv'], /^file: argument "more": found text/],
  ['from.memory', [{}], /^memory: argument "records": found an object, wanted is an array$/],
  ['from.memory', [[], { id: 'int4' }], /^memory: argument "schema": found an object, wanted is a Schema$/],
  ['from.records', ['abc'], /^records: give an array/],
  ['from.generate', [5], /^generate: argument "options": found a number/],
  ['filter', [['a'], 5], /^filter: argument "keep": found a number, wanted is a function$/],
  ['filter', [[5], id], /option "fields\.0"/],
  ['map', [5], /^map: argument "change": found a number, wanted is a function$/],
  ['map', ['a', id], /^map: argument "fields": found text, wanted is an array$/],
  ['map', [['a'], 'b'], /^map: argument "change": found text/],
  ['mapAsync', [5], /^mapAsync: argument "change"/],
  ['mapAsync', [id, 5], /^mapAsync: argument "options"/],
  ['flatMap', [5], /^flatMap: argument "expand"/],
  ['tap', [undefined], /^tap: argument "look": found nothing/],
  ['through', [5], /^through: /],
  ['project', [5], /^project: option "columns\.0"/],
  ['rename', [null], /^rename: argument "names": found null, wanted is an object/],
  ['rename', [{ a: 5 }], /^rename: option "columns/],
  ['coerce', [null], /^coerce: argument "types": found null/],
  ['coerce', [{ a: 5 }], /^coerce: /],
  ['coerce', [{ a: 'integer' }, 5], /^coerce: argument "options": found a number/],
  ['batch', [0, id], /^batch: option "count"/],
  ['batch', [5], /^batch: argument "change": found nothing, wanted is a function$/],
  ['batch', [5, id, 5], /^batch: argument "options"/],
  ['dedupe', [5], /^dedupe: option "key|^dedupe: argument "key": found a number/],
  ['dedupe', [[]], /^dedupe: option "key"/],
  ['dedupe', ['a', 5], /^dedupe: argument "options": found a number/],
  ['dedupe', ['a', { last: 0 }], /^dedupe: option "last"/],
  ['lookup', ['a', 5, { add: ['b'] }], /^lookup: argument "find": found a number, wanted is a function, or a place such as/],
  ['lookup', ['a', id], /^lookup: argument "options": found nothing/],
  ['lookup', ['a', id, {}], /^lookup: argument "add": found nothing/],
  ['lookup', ['a', id, { add: ['b'], missing: 'skip' }], /^lookup: option "missing"/],
  ['lookup', [5, id, { add: ['b'] }], /^lookup: argument "on": found a number/],
  ['from.postgres.lookup', [{ table: 5 }], /^postgres.lookup: option "table"/],
  ['sample', [], /^sample: argument "options": found nothing/],
  ['sample', [{}], /^sample: option "count"/],
  ['sample', [{ share: 1.5 }], /^sample: option "share"/],
  ['take', ['3'], /^take: option "count"/],
  ['skip', [-1], /^skip: option "count"/],
  ['sort', [5], /^sort: /],
  ['validate', [{}], /^validate: give a zod schema/],
  ['validate', [undefined], /^validate: give a zod schema/],
];

describe('sources, operators and sinks of wrong arguments', () => {
  for (const [name, given, named] of WRONG) {
    it(`${name}(${given.map(value => (typeof value === 'function' ? 'a function' : JSON.stringify(value))).join(', ')})`, () => {
      let thrown: unknown;
      try {
        build(name)(...given);
      } catch (error) {
        thrown = error;
      }
      expect(thrown, 'nothing was thrown').to.be.instanceOf(Error);
      expect([thrown instanceof MillraceError && thrown.code, (thrown as Error).message]).to.deep.equal([
        'OPTION_INVALID',
        (thrown as Error).message,
      ]);
      expect((thrown as Error).message).to.match(named);
    });
  }

  it('options of a run', async () => {
    for (const options of [{ deadLetter: 5 }, { onProgress: 5 }, { deadLetter: millrace.from.records([]) }]) {
      const error = (await millrace
        .pipeline(millrace.from.records([{ a: 1 }]), millrace.to.null(), options as never)
        .catch((reason: unknown) => reason)) as MillraceError;
      expect([error.code, error.message]).to.deep.equal(['OPTION_INVALID', error.message]);
      expect(error.message).to.include(`option "${Object.keys(options)[0] ?? ''}"`);
    }
  });
});
