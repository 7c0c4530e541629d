/** The conversation of the sink with its server is cut once, at each of its messages: after that all rows are there once, and nothing is left. */
import { expect } from 'chai';
import { from, pipeline, to } from '../../lib/index.ts';
import type { Report, RunOptions } from '../../lib/index.ts';
import { freshDatabase, sql, startPostgres } from '../services/postgres.ts';
import { type ProtocolProxy, protocolProxy } from '../services/protocol-proxy.ts';
import { expectHeld, expectNothingLeft, held, randomBy, SEED, someOf } from './harness.ts';

const ROWS = 300;
/** Cuts of each kind of run that the gate has time for. */
const CUTS = 10;

describe(`a sink whose conversation is cut (seed ${SEED})`, function () {
  this.timeout(600_000);
  const random = randomBy(SEED);
  let target: string;
  let proxy: ProtocolProxy;

  before(async () => {
    target = await freshDatabase('sink_messages_test');
  });
  beforeEach(async () => {
    proxy = await protocolProxy((await startPostgres()).port);
  });
  afterEach(() => proxy.close());

  const through = (): string => `postgres://postgres@127.0.0.1:${proxy.port}/sink_messages_test?sslmode=disable`;
  const clean = (prepare = ''): Promise<unknown> =>
    sql(target, `DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS millrace CASCADE; ${prepare}`);
  const rows = (): Promise<unknown[]> => sql(target, 'SELECT id::int, email FROM items ORDER BY id, email');

  interface Kind {
    readonly what: string;
    readonly mode: 'create' | 'append' | 'upsert' | 'replace';
    readonly options: RunOptions;
    readonly prepare?: string;
  }
  const OLD = `CREATE TABLE items (id int8 PRIMARY KEY, email text); INSERT INTO items SELECT i, 'old' FROM generate_series(1, ${ROWS}, 3) i`;
  const EMPTY = 'CREATE TABLE items (id int8, email text)';
  const KINDS: readonly Kind[] = [
    { what: 'a table that is made, with checkpoints', mode: 'create', options: { job: 'cut', checkpointEvery: 100, batchRows: 50 } },
    { what: 'a table without a key that is added to, in one transaction', mode: 'append', options: { batchRows: 100 }, prepare: EMPTY },
    {
      what: 'a table that is merged into, with checkpoints',
      mode: 'upsert',
      options: { job: 'cut', checkpointEvery: 100, batchRows: 50 },
      prepare: OLD,
    },
    { what: 'a table that is replaced', mode: 'replace', options: { batchRows: 100 }, prepare: OLD },
  ];

  const read = () => from.generate({ rows: ROWS, columns: ['id', 'email'] });
  const run = ({ mode, options }: Kind, more: RunOptions = {}): Promise<Report> =>
    pipeline(
      read(),
      to.postgres<{ id: number; email: string }>({ url: through(), table: 'items', mode, ...(mode === 'append' ? {} : { key: ['id'] }) }),
      { retryFor: 20_000, ...options, ...more },
    );

  for (const kind of KINDS) {
    it(`has ${kind.what} right, whichever message is cut`, async () => {
      await clean(kind.prepare);
      await run(kind);
      const wanted = await rows();
      expect(wanted).to.deep.equal((await read().toArray()).map(({ id, email }) => ({ id, email })));
      const whole = [...proxy.seen];
      await proxy.close();
      for (const at of someOf(whole.length, CUTS, random)) {
        const how = random() < 0.5 ? 'reset' : 'half';
        proxy = await protocolProxy((await startPostgres()).port);
        await clean(kind.prepare);
        const before = held();
        proxy.cutAt(at, how);
        const report = await run(kind);
        const told = `${how} at message ${at} of ${whole.length}: ${whole[at]}`;
        expect(await rows(), told).to.deep.equal(wanted);
        expect(report, told).to.include({ status: 'ok', read: ROWS });
        expect(report.written + report.unchanged, told).to.equal(ROWS);
        await expectNothingLeft(target);
        await proxy.close();
        await expectHeld(before);
      }
    });
  }
});
