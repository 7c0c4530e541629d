import { expect } from 'chai';
import { compose, filter, from, map, plan, project, take, to } from '../../../lib/index.ts';
import { planStages } from '../../../lib/core/run/pipeline.ts';

const table = { url: 'postgres://nobody@nowhere.invalid/x', table: 't' };
const nowhere = { url: 'postgres://nobody@127.0.0.1:1/x', table: 't' };
const sinkLooksAt = (...faces: readonly unknown[]): string | undefined => planStages(faces).stages.at(-1)?.looksAt;

describe('a plan', () => {
  it('is made without opening anything where nobody is asked, and tells what each stage looks at', () => {
    const planned = planStages([
      from.postgres(table),
      compose<{ id: number; name: string; age: number }>()(
        filter({ age: { gt: 17 } }),
        project('id', 'name'),
        map(['name'], ({ name }) => ({ name: name.trim() })),
      ),
      to.postgres(table),
    ]);
    expect(planned.stages.map(({ kind, looksAt, columns, fusedGroup }) => [kind, looksAt, columns ?? [], fusedGroup])).to.deep.equal([
      ['postgres', 'bytes', [], 0],
      ['filter', 'columns', ['age'], 1],
      ['project', 'bytes', [], 1],
      ['map', 'columns', ['name'], 1],
      ['postgres', 'bytes', [], 2],
    ]);
    expect(planned.explain().split('\n')[1]).to.equal('1. filter age > 17 (decodes age)');
  });

  it('asks a source that could do stages itself, and says so where that can not be reached', async () => {
    expect(await plan(from.postgres(nowhere), take(3), to.null()).catch((error: unknown) => error)).to.include({ code: 'UNREACHABLE' });
    expect((await plan(from.postgres(nowhere), to.null())).stages).to.have.length(2);
  });

  it('says that bytes pass only where the sink takes what the source gives', () => {
    expect(sinkLooksAt(from.postgres(table), to.postgres(table))).to.equal('bytes');
    expect(sinkLooksAt(from.file('a.csv'), to.postgres(table))).to.equal('bytes');
    expect(sinkLooksAt(from.file('a.csv.gz'), to.file('b.csv'))).to.equal('bytes');
    expect(sinkLooksAt(from.file('logs/*.ndjson'), to.file('b.ndjson'))).to.equal('bytes');
    expect(sinkLooksAt(from.postgres(table), to.file('b.ndjson'))).to.equal('columns');
    expect(sinkLooksAt(from.file('a.csv'), to.file('b.ndjson'))).to.equal('columns');
    expect(sinkLooksAt(from.file('logs/*'), to.file('b.ndjson'))).to.equal('columns');
    expect(sinkLooksAt(from.records([{ a: 1 }]), to.null())).to.equal('columns');
    expect(
      sinkLooksAt(
        from.postgres(table),
        map((row: object) => row),
        to.postgres(table),
      ),
    ).to.equal('columns');
  });
});
