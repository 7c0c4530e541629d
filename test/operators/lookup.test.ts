import { setTimeout as after } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { type DeadLetter, from, lookup, map, pipeline, type PipelineError, project, Schema, take, to } from '../../lib/index.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

interface Order {
  readonly id: number;
  readonly customer: number | null;
}
interface Customer {
  readonly customer: number;
  readonly city: string;
}
const orders = (customers: readonly (number | null)[]): Order[] => customers.map((customer, id) => ({ id, customer }));
const cityOf = (customer: number): Customer => ({ customer, city: `city ${customer}` });
const schema = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: false },
  { name: 'customer', type: { kind: 'int8' }, nullable: true },
]);

describe('operator lookup', () => {
  it('asks for each key of a batch once, for none that is null, and for none that it remembers', async () => {
    const asked: number[][] = [];
    const find = (keys: readonly number[]): Customer[] => {
      asked.push([...keys]);
      return keys.filter(key => key !== 3).map(cityOf);
    };
    const out: unknown[] = [];
    const input = orders([1, 2, 1, null, 3, 2, 3, 4]);
    await pipeline(from.memory(input), lookup('customer', find, { add: ['city'], concurrency: 1 }), to.memory(out), { batchRows: 4 });
    expect(asked).to.deep.equal([
      [1, 2],
      [3, 4],
    ]);
    expect(out).to.deep.equal(
      input.map(order => ({ ...order, city: order.customer === null || order.customer === 3 ? null : `city ${order.customer}` })),
    );
  });

  it('gives what a join gives, however records come, whatever is remembered, with and without a schema', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.nat(15)), { maxLength: 60 }),
        fc.record({
          cache: fc.constantFrom(0, 1, 3, 1000),
          concurrency: fc.constantFrom(1, 3),
          batchRows: fc.constantFrom(1, 4, 100),
          isTyped: fc.boolean(),
        }),
        fc.constantFrom('null' as const, 'drop' as const, 'reject' as const),
        async (customers, { cache, concurrency, batchRows, isTyped }, missing) => {
          const find = async (keys: readonly number[]): Promise<Customer[]> => {
            await after((keys[0] ?? 0) % 2);
            return keys
              .filter(key => key % 3 !== 0)
              .map(cityOf)
              .reverse();
          };
          const input = orders(customers);
          const out: unknown[] = [];
          const letters: DeadLetter[] = [];
          const report = await pipeline(
            from.memory(input, isTyped ? schema : undefined) as ReturnType<typeof from.memory<Order>>,
            lookup('customer', find, { add: ['city'], missing, cache, concurrency }),
            to.memory(out as object[]),
            { batchRows, deadLetter: to.memory(letters) },
          );
          const isFound = ({ customer }: Order): boolean => customer !== null && customer % 3 !== 0;
          const expected = input.flatMap((order): object[] => {
            if (!isFound(order)) return missing === 'null' ? [{ ...order, city: null }] : [];
            return [{ ...order, city: `city ${order.customer}` }];
          });
          expect(out).to.deep.equal(expected);
          const lost = input.length - expected.length;
          expect(report).to.include({ dropped: missing === 'drop' ? lost : 0, rejected: missing === 'reject' ? lost : 0 });
          expect(letters.map(({ code }) => code)).to.deep.equal(
            missing === 'reject' ? Array.from({ length: lost }, () => 'LOOKUP_MISSING') : [],
          );
        },
      ),
      { numRuns: 60 },
    ));

  it('takes several columns, under other names, and adds columns under other names in the place of old ones', async () => {
    const asked: unknown[] = [];
    const out: unknown[] = [];
    await pipeline(
      from.memory([
        { a: 1, b: 'x', note: 'old' },
        { a: 1, b: 'y', note: 'old' },
      ]),
      lookup(
        { a: 'tenant', b: 'code' },
        keys => {
          asked.push(...keys);
          return [{ tenant: 1, code: 'y', label: 'found' }];
        },
        { add: { label: 'note' } },
      ),
      to.memory(out),
    );
    expect(asked).to.deep.equal([
      { tenant: 1, code: 'x' },
      { tenant: 1, code: 'y' },
    ]);
    expect(out).to.deep.equal([
      { a: 1, b: 'x', note: null },
      { a: 1, b: 'y', note: 'found' },
    ]);
  });

  it('refuses a record for which several are found, and no other', async () => {
    const letters: DeadLetter[] = [];
    const out: unknown[] = [];
    await pipeline(
      from.memory(orders([1, 2])),
      lookup('customer', keys => [...keys.map(cityOf), cityOf(2)], { add: ['city'] }),
      to.memory(out),
      { deadLetter: to.memory(letters) },
    );
    expect([out.length, letters.map(({ code }) => code)]).to.deep.equal([1, ['LOOKUP_AMBIGUOUS']]);
  });

  it('finds numbers by text of a file, and says where keys are of two types', async () => {
    const untyped = new Schema([{ name: 'customer', type: { kind: 'text' }, nullable: true, untyped: true }]);
    const out: unknown[] = [];
    const rows = [{ customer: '7' }, { customer: 'x' }];
    const find = (keys: readonly string[]) =>
      keys.filter(key => key !== 'x').map(key => cityOf(Number(key)) as unknown as { customer: string; city: string });
    await pipeline(from.memory(rows, untyped), lookup('customer', find, { add: ['city'] }), to.memory(out));
    expect(out).to.deep.equal([
      { customer: '7', city: 'city 7' },
      { customer: 'x', city: null },
    ]);
    const report = await pipeline(from.memory(rows), lookup('customer', find, { add: ['city'] }), to.null());
    expect(report.warnings.join()).to.contain('of one type on both sides');
  });

  it('ends the run with what the function throws, retryable as that says', async () => {
    const failing = (error: Error) =>
      pipeline(
        from.memory(orders([1])),
        lookup('customer', () => Promise.reject<Customer[]>(error), { add: ['city'] }),
        to.null(),
      ).catch((thrown: unknown) => thrown as PipelineError);
    expect(await failing(new Error('no'))).to.include({ code: 'OPERATOR_THREW', retryable: false, message: 'no' });
    expect(await failing(Object.assign(new Error('later'), { retryable: true }))).to.include({ code: 'OPERATOR_THREW', retryable: true });
  });

  it('ends when no more is needed, and when the run is aborted, though a call never ends', async () => {
    const find = (keys: readonly number[]) => (keys.includes(5) ? new Promise<never>(() => undefined) : keys.map(cityOf));
    const out: unknown[] = [];
    const input = orders(Array.from({ length: 40 }, (_, i) => i));
    await pipeline(from.memory(input), lookup('customer', find, { add: ['city'] }), take(4), to.memory(out), { batchRows: 1 });
    expect(out).to.have.length(4);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 20);
    const ended = pipeline(from.memory(input), lookup('customer', find, { add: ['city'] }), to.null(), { signal: abort.signal });
    expect(await ended.catch((thrown: unknown) => thrown)).to.include({ code: 'CANCELLED' });
  });

  it('remembers no more than there is room for', async () => {
    let asked = 0;
    const find = (keys: readonly number[]): Customer[] => {
      asked += keys.length;
      return keys.map(customer => ({ customer, city: 'x'.repeat(1000) }));
    };
    const customers = Array.from({ length: 3000 }, (_, i) => i % 1000);
    await pipeline(from.memory(orders(customers)), lookup('customer', find, { add: ['city'] }), to.null(), {
      batchRows: 100,
      stateMemory: '200KiB',
    });
    expect(asked).to.equal(3000);
    asked = 0;
    await pipeline(from.memory(orders(customers)), lookup('customer', find, { add: ['city'] }), to.null(), { batchRows: 100 });
    expect(asked).to.equal(1000);
  });

  describe('in a PostgreSQL table', () => {
    let url: string;
    before(async () => {
      url = await freshDatabase('lookup_test');
      await sql(
        url,
        `CREATE TABLE customers (id int8 PRIMARY KEY, name text, credit numeric, "since" timestamptz, region text, no int4);
         INSERT INTO customers SELECT i, 'n' || i, i + 0.50, timestamptz '2024-01-01Z' + i * interval '1 microsecond', chr(65 + i % 3), i FROM generate_series(1, 1000) i;
         CREATE TABLE orders (id int8 PRIMARY KEY, customer int8, region text, no int4, note text);
         INSERT INTO orders SELECT i, nullif(i % 1500, 0), chr(65 + i % 3), i, 'note ' || i FROM generate_series(1, 5000) i`,
      );
    });
    interface OrderRow {
      id: number;
      customer: number | null;
      region: string;
      no: number;
      note: string;
    }
    interface CustomerRow {
      id: number;
      name: string;
      credit: string;
      since: Date;
      region: string;
      no: number;
    }

    it('gives what the join of the server gives, exactly, and leaves no connection', async () => {
      await pipeline(
        from.postgres<OrderRow>({ url, table: 'orders' }),
        lookup({ customer: 'id' }, from.postgres.lookup<CustomerRow>({ url, table: 'customers', applicationName: 'looking up' }), {
          add: { name: 'name', credit: 'credit', since: 'from' },
        }),
        to.postgres({ url, table: 'joined' }),
        { batchRows: 512 },
      );
      const [same] = await sql(
        url,
        `SELECT count(*)::int AS n FROM (SELECT o.*, c.name, c.credit, c.since FROM orders o LEFT JOIN customers c ON c.id = o.customer
         EXCEPT SELECT id, customer, region, no, note, name, credit, "from" FROM joined) x`,
      );
      expect(same).to.deep.equal({ n: 0 });
      expect(
        await sql(
          url,
          "SELECT column_name || ' ' || udt_name AS c FROM information_schema.columns WHERE table_name = 'joined' ORDER BY ordinal_position OFFSET 5",
        ),
      ).to.deep.equal(['name text', 'credit numeric', 'from timestamptz'].map(c => ({ c })));
      expect(await sql(url, "SELECT 1 FROM pg_stat_activity WHERE application_name = 'looking up'")).to.deep.equal([]);
    });

    it('takes keys of several columns, and text of a file', async () => {
      const out: { name: string | null }[] = [];
      await pipeline(
        from.postgres<OrderRow>({ url, table: 'orders' }),
        take(1200),
        lookup(['region', 'no'], from.postgres.lookup<CustomerRow>({ url, table: 'customers' }), { add: ['name'], missing: 'drop' }),
        project('name'),
        to.memory(out),
      );
      expect(out).to.have.length(1000);
      const untyped = new Schema([{ name: 'customer', type: { kind: 'text' }, nullable: true, untyped: true }]);
      const found: unknown[] = [];
      await pipeline(
        from.memory([{ customer: '12' }, { customer: null }, { customer: '5000' }], untyped),
        lookup({ customer: 'id' }, from.postgres.lookup<CustomerRow>({ url, table: 'customers' }), { add: ['name'] }),
        to.memory(found),
      );
      expect(found).to.deep.equal([
        { customer: '12', name: 'n12' },
        { customer: null, name: null },
        { customer: '5000', name: null },
      ]);
    });

    it('says what is not there', async () => {
      const failed = async (table: string, column: string): Promise<unknown> =>
        pipeline(
          from.memory(orders([1])),
          lookup({ customer: 'id' }, from.postgres.lookup({ url, table }), { add: [column] }),
          map(row => row),
          to.null(),
        ).catch((thrown: unknown) => thrown);
      expect(await failed('customer', 'name')).to.include({ code: 'NOT_FOUND' });
      expect(await failed('customers', 'nmae')).to.include({ code: 'COLUMN_UNKNOWN', stage: 'lookup' });
    });
  });
});
