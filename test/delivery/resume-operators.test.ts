import { expect } from 'chai';
import {
  compose,
  dedupe,
  filter,
  from,
  map,
  type Operator,
  pipeline,
  PipelineError,
  type RunOptions,
  sample,
  to,
} from '../../lib/index.ts';
import { Draws } from '../../lib/core/state/draws.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

interface Item {
  id: number;
  name: string;
}

const ROWS = 3000;
const OFTEN = { job: 'test', checkpointEvery: 200, batchRows: 100, resume: true } satisfies RunOptions;

describe('operators that keep something, in a run that goes on', () => {
  let url: string;
  before(async () => {
    url = await freshDatabase('resume_operators_test');
    await sql(
      url,
      `CREATE TABLE source (id int8 PRIMARY KEY, name text NOT NULL); INSERT INTO source SELECT i, repeat('n', i % 700) FROM generate_series(1, ${ROWS}) i; ANALYZE source`,
    );
  });
  afterEach(() => sql(url, 'DROP TABLE IF EXISTS target; DROP SCHEMA IF EXISTS millrace CASCADE'));

  let breaksAt = 0;
  const run = (operator: Operator<Item, Item>) =>
    pipeline(
      from.postgres<Item>({ url, table: 'source' }),
      operator,
      filter<Item>(({ id }) => {
        if (id === breaksAt) throw new Error('broken off');
        return true;
      }),
      to.postgres<Item>({ url, table: 'target' }),
      OFTEN,
    );
  async function brokenOff(at: number, operator: Operator<Item, Item>): Promise<PipelineError> {
    breaksAt = at;
    const thrown = await run(operator).catch((error: unknown) => error);
    breaksAt = 0;
    expect(thrown).to.be.instanceOf(PipelineError);
    return thrown as PipelineError;
  }
  const ids = async (): Promise<number[]> => (await sql(url, 'SELECT id::int FROM target ORDER BY id')).map(row => row['id'] as number);

  it('dedupe remembers what it saw before', async () => {
    const { report } = await brokenOff(650, dedupe('name'));
    expect(report.written).to.be.within(400, 649);
    const rest = await run(dedupe('name'));
    expect(rest.resumedFrom).to.not.equal(undefined);
    expect(await ids()).to.deep.equal(Array.from({ length: 700 }, (_, i) => i + 1));
  });

  it('sample draws as if it had not been broken off', async () => {
    const draws = new Draws(5);
    const expected = Array.from({ length: ROWS }, (_, i) => i + 1).filter(() => draws.next() < 0.5);
    const { report } = await brokenOff(expected[400] as number, sample({ share: 0.5, seed: 5 }));
    expect(report.written).to.be.within(100, 400);
    await run(sample({ share: 0.5, seed: 5 }));
    expect(await ids()).to.deep.equal(expected);
  });

  it('dedupe with more keys than a checkpoint takes commits nothing more in between, and says so', async () => {
    const long = (): Operator<Item, Item> => map((item: Item) => ({ ...item, name: `${item.id}`.padEnd(4000) }));
    const { report } = await brokenOff(2900, compose<Item>()(long(), dedupe('name')));
    // About a thousand keys of 4,000 letters are 4 MiB.
    expect(report.written).to.be.within(800, 1100);
    expect(report.warnings.join()).to.contain('keeps more than a checkpoint takes');
    expect(await ids()).to.have.length(report.written);
    await run(compose<Item>()(long(), dedupe('name')));
    expect(await ids()).to.deep.equal(Array.from({ length: ROWS }, (_, i) => i + 1));
  });
});
