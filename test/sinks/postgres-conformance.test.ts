import { expect } from 'chai';
import { Schema } from '../../lib/schema/schema.ts';
import { sinkCases } from '../../lib/testing/index.ts';
import { from, pipeline } from '../../lib/index.ts';
import { postgres } from '../../sinks/postgres.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

const schema = new Schema([
  { name: 'id', type: { kind: 'int4' }, nullable: false },
  { name: 'name', type: { kind: 'text' }, nullable: true },
  { name: 'amount', type: { kind: 'numeric' }, nullable: true },
]);
const records = Array.from({ length: 12 }, (_, id) => ({ id, name: id % 3 === 0 ? null : `name ${id}`, amount: `${id}.50` }));

for (const mode of ['create', 'append', 'upsert'] as const) {
  describe(`sink postgres, the suite of every sink, mode ${mode}`, () => {
    let url: string;
    let table = 0;
    before(async () => {
      url = await freshDatabase(`sink_conformance_${mode}`);
    });

    async function open() {
      table++;
      if (mode !== 'create')
        await sql(url, `CREATE TABLE t${table} (id int4 ${mode === 'upsert' ? 'PRIMARY KEY' : 'NOT NULL'}, name text, amount numeric)`);
      return postgres<(typeof records)[number]>({ url, table: `t${table}`, mode });
    }
    async function read(): Promise<readonly unknown[] | undefined> {
      const [found] = await sql(url, `SELECT to_regclass('t${table}') IS NOT NULL AS there`);
      return found?.['there'] === true ? sql(url, `SELECT id, name, amount FROM t${table} ORDER BY id`) : undefined;
    }
    /** Its connections, once they had time to go. */
    async function leftOpen(): Promise<readonly string[]> {
      for (let i = 0; ; i++) {
        const left = await sql(
          url,
          `SELECT pid FROM pg_stat_activity WHERE application_name = 'millrace' AND datname = current_database()`,
        );
        if (left.length === 0 || i === 300) return left.map(row => `connection ${String(row['pid'])}`);
      }
    }
    for (const { name, run } of sinkCases({ open, records, schema, read, leftOpen })) it(name, run);
  });
}

describe('sink postgres in a pipeline', () => {
  it('makes a table of records that nobody described, follows them, and counts', async () => {
    const url = await freshDatabase('sink_pipeline_test');
    const rows = Array.from({ length: 3000 }, (_, id) => ({ id, name: `n${id}`, tags: ['a', id], ...(id > 2500 ? { late: true } : {}) }));
    const report = await pipeline(from.records(rows as { id: number; name: string }[]), postgres({ url, table: 't', key: ['id'] }));
    expect([report.status, report.read, report.written, report.rejected]).to.deep.equal(['ok', 3000, 3000, 0]);
    expect(report.bytesWritten).to.be.greaterThan(3000 * 30);
    expect(
      await sql(url, 'SELECT count(*)::int AS n, count(late)::int AS late, sum(id)::int AS sum, max(tags::text) AS tags FROM t'),
    ).to.deep.equal([{ n: 3000, late: 499, sum: 4_498_500, tags: '["a", 9]' }]);
  });
});
