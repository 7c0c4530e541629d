import { expect } from 'chai';
import { pipeline } from '../../lib/index.ts';
import { memory } from '../../sinks/memory.ts';
import { postgres as postgresSink } from '../../sinks/postgres.ts';
import { postgres as postgresSource } from '../../sources/postgres.ts';
import { records } from '../../sources/records.ts';
import { freshDatabase } from '../services/postgres.ts';

describe('PostgreSQL to PostgreSQL', () => {
  it('carries what was written to another table, exactly', async () => {
    const url = await freshDatabase('conformance_postgres');
    const rows = Array.from({ length: 2500 }, (_, id) => ({ id, name: id % 7 === 0 ? null : `n${id}` }));
    await pipeline(records(rows), postgresSink({ url, table: 'a' }));
    const report = await pipeline(postgresSource({ url, table: 'a' }), postgresSink({ url, table: 'b' }));
    expect(report).to.include({ status: 'ok', read: 2500, written: 2500 });
    const seen: unknown[] = [];
    await pipeline(postgresSource({ url, table: 'b' }), memory(seen));
    expect(seen).to.deep.equal(rows);
  });
});
