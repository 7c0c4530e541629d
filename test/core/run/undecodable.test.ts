import { expect } from 'chai';
import {
  coerce,
  type DeadLetter,
  filter,
  flatMap,
  from,
  map,
  mapAsync,
  pipeline,
  PipelineError,
  project,
  tap,
  to,
  validate,
} from '../../../lib/index.ts';
import type { Operator } from '../../../lib/index.ts';
import { z } from 'zod';
import { freshDatabase, sql } from '../../services/postgres.ts';

interface Row {
  id: number;
  big: number;
  at: Date | null;
  tag: string;
}
type Any = Operator<Row, Row>;

const ROWS = 5000;
/** One has a number that no double holds, one an instant that no Date reaches. */
const TABLE = `CREATE TABLE odd AS SELECT i AS id, CASE WHEN i IN (3, 4097) THEN 9007199254740993 ELSE i END::int8 AS big,
  CASE WHEN i = 7 THEN '290000-01-01 00:00:00Z' WHEN i % 2 = 0 THEN timestamptz '2024-01-31 00:00:00Z' END AS at, 't' || i AS tag FROM generate_series(1, ${ROWS}) i`;

describe('a value that no record can have', () => {
  let url: string;
  let calls: number[];
  before(async () => {
    url = await freshDatabase('undecodable');
    await sql(url, TABLE);
  });
  beforeEach(() => (calls = []));

  const seen = (row: Row): Row => {
    calls.push(row.id);
    return row;
  };
  const whole: Record<string, Any> = {
    'a map': map((row: Row) => ({ ...seen(row) })),
    'a filter': filter((row: Row) => seen(row).id > 0),
    'a tap': tap((row: Row) => void seen(row)),
    'a flatMap': flatMap((row: Row) => [seen(row)]),
    'a mapAsync': mapAsync((row: Row) => Promise.resolve(seen(row))),
    'a mapAsync of any order': mapAsync((row: Row) => Promise.resolve(seen(row)), { ordered: false }),
    'a schema': validate(z.looseObject({ id: z.number().refine(id => calls.push(id) > 0) })) as unknown as Any,
  };
  for (const [name, operator] of Object.entries(whole)) {
    it(`refuses its record where ${name} looks at whole records, and no other`, async () => {
      const letters: DeadLetter[] = [];
      const rows: Row[] = [];
      const report = await pipeline(from.postgres<Row>({ url, table: 'odd' }), operator, to.memory(rows), {
        deadLetter: to.memory(letters),
      });
      expect(
        letters.map(({ code, record, reason }) => [code, (record as Row).id, /column "(\w+)"/.exec(reason)?.[1]]),
      ).to.have.deep.members([
        ['VALUE_INVALID', 3, 'big'],
        ['VALUE_NOT_CARRIED', 7, 'at'],
        ['VALUE_INVALID', 4097, 'big'],
      ]);
      expect(letters.find(({ record }) => (record as Row).id === 3)?.record).to.have.property('big', '9007199254740993');
      expect([report.read, report.written, report.rejected]).to.deep.equal([ROWS, ROWS - 3, 3]);
      expect(rows.map(({ id }) => id).sort((a, b) => a - b)).to.deep.equal(good(3, 7, 4097));
      expect(calls.sort((a, b) => a - b)).to.deep.equal(good(3, 7, 4097));
    });
  }

  const some: Record<string, Any> = {
    'a map of fields': map(['big'], ({ big }: Pick<Row, 'big'>) => ({ big: big + 0 })) as unknown as Any,
    'a filter of fields': filter(['id', 'big'], ({ id, big }: Pick<Row, 'id' | 'big'>) => id === big) as Any,
    'a coerce': coerce({ big: 'string' }) as unknown as Any,
  };
  for (const [name, operator] of Object.entries(some)) {
    it(`refuses its record where ${name} looks at that column only`, async () => {
      const letters: DeadLetter[] = [];
      const rows: Row[] = [];
      const only = project<Row, 'id'>('id') as unknown as Any;
      const report = await pipeline(from.postgres<Row>({ url, table: 'odd' }), operator, only, to.memory(rows), {
        deadLetter: to.memory(letters),
      });
      expect(letters.map(({ code, record }) => [code, (record as Row).id])).to.deep.equal([
        ['VALUE_INVALID', 3],
        ['VALUE_INVALID', 4097],
      ]);
      expect([report.written, report.rejected]).to.deep.equal([ROWS - 2, 2]);
      expect(rows.map(({ id }) => id)).to.deep.equal(good(3, 4097));
    });
  }

  it('refuses its record where a filter by a condition that runs here looks at it', async () => {
    const letters: DeadLetter[] = [];
    const report = await pipeline(
      from.postgres<Row>({ url, table: 'odd' }),
      map(['tag'], ({ tag }: Pick<Row, 'tag'>) => ({ tag })),
      filter<Row>({ big: { gte: 0 } }),
      to.null(),
      { deadLetter: to.memory(letters) },
    );
    expect(letters.map(({ record }) => (record as Row).id)).to.deep.equal([3, 4097]);
    expect(report.written).to.equal(ROWS - 2);
  });

  for (const concurrency of [1, 2]) {
    it(`refuses its record where the function of a sink looks at it, ${concurrency} at once`, async () => {
      const letters: DeadLetter[] = [];
      const use = (row: Row): void => {
        if (row.id === 8) throw new Error('eight');
        seen(row);
      };
      const source = from.postgres<Row>({ url, table: 'odd' });
      const report = await pipeline(source, to.function<Row>(use, { concurrency }), { deadLetter: to.memory(letters) });
      expect(letters.map(({ code, record }) => [code, (record as Row).id])).to.have.deep.members([
        ['VALUE_INVALID', 3],
        ['VALUE_NOT_CARRIED', 7],
        ['OPERATOR_THREW', 8],
        ['VALUE_INVALID', 4097],
      ]);
      expect(report.written).to.equal(ROWS - 4);
      expect(calls.sort((x, y) => x - y)).to.deep.equal(good(3, 7, 8, 4097));
    });
  }

  it('stops the run where nothing takes rejects, or too many are', async () => {
    for (const operator of Object.values(whole)) {
      const run = (options: object): Promise<unknown> =>
        pipeline(from.postgres<Row>({ url, table: 'odd' }), operator, to.null(), options).catch((error: unknown) => error);
      const stopped = await run({});
      expect(stopped).to.be.instanceOf(PipelineError).with.property('code', 'VALUE_INVALID');
      expect(await run({ deadLetter: to.memory([]), maxRejected: 2 })).to.have.property('code', 'TOO_MANY_REJECTED');
    }
  });

  it('passes through where nobody looks', async () => {
    await sql(url, 'DROP TABLE IF EXISTS twin; CREATE TABLE twin (LIKE odd)');
    const few = filter(['id'], ({ id }: Pick<Row, 'id'>) => id < 10) as Any;
    const report = await pipeline(from.postgres<Row>({ url, table: 'odd' }), few, to.postgres({ url, table: 'twin', mode: 'append' }));
    expect(report.written).to.equal(9);
    expect(await sql(url, 'SELECT big::text FROM twin WHERE id = 3')).to.deep.equal([{ big: '9007199254740993' }]);
  });
});

function good(...without: number[]): number[] {
  return Array.from({ length: ROWS }, (_, i) => i + 1).filter(id => !without.includes(id));
}
