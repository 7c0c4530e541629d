import { expect } from 'chai';
import { accepts } from '../../lib/schema/accepts.ts';
import { textPrinter } from '../../lib/schema/print.ts';
import { from, pipeline, to } from '../../lib/index.ts';
import { sourceCases } from '../../lib/testing/index.ts';
import { type GeneratedRow, generate, generateKind } from '../../sources/generate.ts';

async function rowsOf(options: Parameters<typeof generate>[0]): Promise<GeneratedRow[]> {
  const rows: GeneratedRow[] = [];
  for await (const row of generate(options)) rows.push(row);
  return rows;
}

describe('source generate', () => {
  for (const { name, run } of sourceCases({ open: () => generate({ rows: 9, seed: 3 }), expected: () => rowsOf({ rows: 9, seed: 3 }) }))
    it(name, run);

  it('gives the same records for the same seed, and others for another', async () => {
    expect(await rowsOf({ rows: 50, seed: 7 })).to.deep.equal(await rowsOf({ rows: 50, seed: 7 }));
    const [one, two] = [await rowsOf({ rows: 50, seed: 7 }), await rowsOf({ rows: 50, seed: 8 })];
    expect(one.filter((row, i) => row.amount === two[i]?.amount)).to.have.length(0);
    // These very records are in nobody's hands but the hash's: a change of it changes benchmarks.
    expect(JSON.stringify((await rowsOf({ rows: 2, seed: 7 }))[1])).to.equal(
      '{"id":2,"customer":9709,"name":"Đặng 王","email":"u2@example.no","amount":"676093.3228","score":72.49076720327139,"active":false,' +
        '"created":"2016-06-25T19:21:15.717548Z","born":"2009-07-12","meta":{"tags":["fragile","returned","b2b","vip"],"visits":43,"referrer":null}}',
    );
  });

  it('makes row n of the seed and n alone, and only the columns asked for', async () => {
    const all = await rowsOf({ rows: 100, seed: 5 });
    const few = await rowsOf({ rows: 40, seed: 5, columns: ['email', 'id'] });
    expect(few).to.deep.equal(all.slice(0, 40).map(({ email, id }) => ({ email, id })));
    expect(Object.keys(few[0] as object)).to.deep.equal(['email', 'id']);
    const context = {
      signal: new AbortController().signal,
      batchRows: 10,
      batchBytes: 1 << 20,
      after: { row: 19 },
      to: { row: 24 },
      columns: ['amount'],
      counted: () => undefined,
      expects: () => undefined,
      warn: () => undefined,
    };
    const amounts: unknown[] = [];
    for await (const batch of generateKind.definition.read({ rows: 100, seed: 5 }, context, undefined)) {
      expect(batch.schema.names).to.deep.equal(['amount']);
      for (let i = 0; i < batch.length; i++) amounts.push(batch.column('amount').get(i));
    }
    expect(amounts).to.deep.equal(all.slice(20, 25).map(({ amount }) => amount));
  });

  it('holds in every column what its type holds, with nulls, empty texts, numbers that are none and microseconds', async () => {
    const rows = await rowsOf({ rows: 20_000, seed: 1 });
    const schema = await generateKind.definition.describe?.({ rows: 0, seed: 1 }, { signal: new AbortController().signal }, undefined);
    for (const { name, type, nullable } of schema?.fields ?? []) {
      const [fits, print] = [accepts(type), textPrinter(type)];
      const values = rows.map(row => row[name as keyof GeneratedRow]).filter(value => value !== null);
      expect(
        values.filter(value => !fits(value) || /\p{Surrogate}/u.test(print(value))),
        name,
      ).to.deep.equal([]);
      if (!nullable) expect(values).to.have.length(rows.length);
    }
    expect(schema?.names).to.have.length(10);
    const share = (is: (row: GeneratedRow) => boolean): number => rows.filter(is).length / rows.length;
    expect(share(({ name }) => name === null)).to.be.within(0.02, 0.05);
    expect(share(({ name }) => name === '')).to.be.within(0.005, 0.03);
    expect(share(({ score }) => !Number.isFinite(score))).to.be.within(0.001, 0.006);
    expect(share(({ active }) => active === null)).to.be.within(0.04, 0.09);
    expect(new Set(rows.map(({ created }) => created.toISOString())).size).to.be.greaterThan(19_900);
    expect(new Set(rows.map(({ customer }) => customer)).size).to.be.greaterThan(8000);
  });

  it('refuses a column that it does not have, with the nearest name', () => {
    const reading = rowsOf({ rows: 1, columns: ['emial'] });
    return reading.then(
      () => expect.fail('it read'),
      (error: Error) => expect(error.message).to.contain('"email"'),
    );
  });

  it('makes no value that nobody looks at', async () => {
    const start = performance.now();
    const report = await pipeline(from.generate({ rows: 2_000_000 }), to.null());
    expect(report).to.include({ read: 2_000_000, written: 2_000_000 });
    expect(performance.now() - start).to.be.lessThan(10_000);
  });
});
