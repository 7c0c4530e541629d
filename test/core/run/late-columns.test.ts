import { expect } from 'chai';
import { coerce, filter, from, pipeline, project, rename, take, to } from '../../../lib/index.ts';

describe('columns of records that nobody described', () => {
  interface Person {
    readonly id: number;
    readonly name?: string;
    readonly nick?: string;
  }
  const people: Person[] = [...Array.from({ length: 5000 }, (_, id) => ({ id, name: 'n' })), { id: 5000, nick: 'x' }];
  const wrong = 'nmae' as 'name';

  it('are missed by name where no record had them', async () => {
    const warning = 'no record had it: no column "nmae"; did you mean "name"?';
    for (const operator of [
      project<Person, 'name'>(wrong),
      rename<Person, { name: 'x' }>({ [wrong]: 'x' } as { name: 'x' }),
      coerce<Person, { name: 'string' }>({ [wrong]: 'string' } as { name: 'string' }),
      filter<Person>({ [wrong]: 'n' }),
    ]) {
      const report = await pipeline(from.records(people), operator as ReturnType<typeof filter<Person>>, to.null());
      expect(report.warnings, report.stages[1]?.kind).to.deep.equal([warning]);
    }
  });

  it('are not where one record had them, where not all were read, and where none came', async () => {
    for (const records of [people, people.slice(0, 0)])
      expect((await pipeline(from.records(records), project('id', 'nick'), to.null())).warnings).to.deep.equal([]);
    const report = await pipeline(from.records(people), project('id', 'nick'), take(3), to.null());
    expect([report.written, report.warnings]).to.deep.equal([3, []]);
  });
});
