import { expect } from 'chai';
import { z } from 'zod';
import { compose, defineSink, filter, from, map, MillraceError, type Plan, plan, project, take, to } from '../../../lib/index.ts';
import type { SinkPlan, SinkPlanContext } from '../../../lib/core/plan.ts';
import { outlineOf } from '../../../lib/core/run/pipeline.ts';

const table = { url: 'postgres://nobody@nowhere.invalid/x', table: 't' };
const nowhere = { url: 'postgres://nobody@127.0.0.1:1/x', table: 't' };
const sinkLooksAt = (...faces: readonly unknown[]): string | undefined => outlineOf(faces).at(-1)?.looksAt;
const codesOf = ({ problems }: Plan): string[] => problems.map(({ code }) => code);

/** A sink that says what a test wants, and fails when it is opened. */
function planned(say: (context: SinkPlanContext) => SinkPlan | Promise<SinkPlan>) {
  return defineSink({
    kind: 'planned',
    options: z.strictObject({}),
    open: () => Promise.reject(new Error('a plan opened the sink')),
    plan: async (_options, context) => say(context),
  }).create<object>({}, undefined);
}

describe('the outline of a line', () => {
  it('is made without asking anybody, and tells what each stage looks at', () => {
    const stages = outlineOf([
      from.postgres(table),
      compose<{ id: number; name: string; age: number }>()(
        filter({ age: { gt: 17 } }),
        project('id', 'name'),
        map(['name'], ({ name }) => ({ name: name.trim() })),
      ),
      to.postgres(table),
    ]);
    expect(stages.map(({ kind, looksAt, columns, fusedGroup }) => [kind, looksAt, columns ?? [], fusedGroup])).to.deep.equal([
      ['postgres', 'bytes', [], 0],
      ['filter', 'columns', ['age'], 1],
      ['project', 'bytes', [], 1],
      ['map', 'columns', ['name'], 1],
      ['postgres', 'bytes', [], 2],
    ]);
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

describe('a plan', () => {
  it('says what a run would fail with, instead of failing', async () => {
    const made = await plan(from.postgres(nowhere), take(3), to.null());
    expect(codesOf(made)).to.deep.equal(['UNREACHABLE']);
    expect(made.stages.map(({ kind }) => kind)).to.deep.equal(['postgres', 'take', 'null']);
    expect(made.explain()).to.match(/It would fail:\n {2}.*\[UNREACHABLE\]$/);
    const dropped = await plan(
      from.generate(),
      project('amuont' as 'amount'),
      planned(() => ({})),
    );
    expect(dropped.problems).to.have.length(1);
    expect(dropped.problems[0]).to.include({ code: 'COLUMN_UNKNOWN', stage: 'project', retryable: false });
  });

  it('gives all that a sink finds, once each, and what the sink itself throws', async () => {
    const differs = new MillraceError('SCHEMA_MISMATCH', 'a');
    const made = await plan(
      from.generate(),
      planned(() => ({ problems: [differs, new MillraceError('EXISTS', 'b'), differs] })),
    );
    expect(made.problems.map(({ code, stage, message }) => [code, stage, message])).to.deep.equal([
      ['SCHEMA_MISMATCH', 'planned', 'a'],
      ['EXISTS', 'planned', 'b'],
    ]);
    const failing = planned(() => Promise.reject(new MillraceError('TIMEOUT', 'c', { retryable: true })));
    expect((await plan(from.generate(), failing)).problems[0]).to.include({ code: 'TIMEOUT', retryable: true });
  });

  it('throws a fault of its own, and when it is given up', async () => {
    const caught = async (made: Promise<Plan>): Promise<unknown> => made.then(() => undefined).catch((error: unknown) => error);
    const fault = planned(() => Promise.reject(new Error('a fault')));
    expect(await caught(plan(from.generate(), fault))).to.include({ code: 'INTERNAL', stage: 'planned' });
    const given = new AbortController();
    const aborting = planned(() => {
      given.abort();
      return Promise.reject(new MillraceError('UNREACHABLE', 'late'));
    });
    expect(await caught(plan(from.generate(), aborting, { signal: given.signal }))).to.include({ code: 'CANCELLED' });
  });

  it('finds undeclared types in the first records, as the run would', async () => {
    const contexts: SinkPlanContext[] = [];
    const seen = planned(context => {
      contexts.push(context);
      return {};
    });
    const rows = Array.from({ length: 3000 }, (_, i) => ({ i, even: i % 2 === 0 ? 'yes' : null, deep: { i } }));
    const made = await plan(from.records(rows), filter({ even: 'yes' }), project('i', 'deep'), seen);
    expect(codesOf(made)).to.deep.equal([]);
    expect(contexts[0]?.schema?.fields.map(({ name, type }) => [name, type.kind])).to.deep.equal([
      ['i', 'int8'],
      ['deep', 'jsonb'],
    ]);
    expect(contexts[0]?.first?.length).to.be.greaterThan(0);
    expect(made.stages[0]).to.include({ estimatedRows: 3000, hasPositions: true });
  });

  it('calls no function of the user, and reads nothing that can be read once', async () => {
    let calls = 0;
    const counted = function* () {
      calls++;
      yield { a: 1 };
    };
    const schemas: unknown[] = [];
    const seen = () =>
      planned(({ schema }) => {
        schemas.push(schema);
        return {};
      });
    const made = await plan(from.records(counted()), seen());
    expect(made.stages[0]).to.include({ hasPositions: false });
    expect(made.explain()).to.include('it can be read once').and.include('a run that fails can only begin again');
    await plan(
      from.records([{ a: 1 }]),
      map(row => ({ b: ++calls + row.a })),
      seen(),
    );
    expect([calls, schemas]).to.deep.equal([0, [undefined, undefined]]);
  });

  it('says which of the first records would be refused where they would stop the run', async () => {
    const rows = [{ a: 1 }, 7 as unknown as { a: number }];
    expect(
      codesOf(
        await plan(
          from.records(rows),
          planned(() => ({})),
        ),
      ),
    ).to.deep.equal(['VALUE_INVALID']);
  });

  it('is plain JSON, with guarantee and memory', async () => {
    const made = await plan(from.generate({ rows: 5 }), take(2), to.null(), { memory: '1MiB', deadLetter: to.null() as never });
    expect(JSON.parse(JSON.stringify(made))).to.deep.equal({
      stages: [
        {
          kind: 'generate',
          description: '5 records, seed 1',
          looksAt: 'bytes',
          fusedGroup: 0,
          estimatedRows: 5,
          estimatedBytes: 750,
          hasPositions: true,
        },
        { kind: 'take', description: '2', fusedGroup: 1, looksAt: 'bytes', columns: [] },
        { kind: 'null', description: '', looksAt: 'columns', fusedGroup: 2 },
      ],
      deadLetter: { kind: 'null', description: '', looksAt: 'rows', fusedGroup: 0 },
      problems: [],
      guarantee: 'at-least-once',
      retry: { forMs: 60_000, from: 'never', reason: 'null cannot take back what it was given' },
      memory: { records: 1 << 20, state: 64 << 20 },
    });
  });
});
