import { expect } from 'chai';
import { freshDatabase, sql } from '../../services/postgres.ts';

describe('the PostgreSQL server of the tests', () => {
  it('gives each test file a database of its own', async () => {
    const url = await freshDatabase('server_test');
    expect(await sql(url, 'SELECT current_database() AS name, 1 + 1 AS two')).to.deep.equal([{ name: 'server_test', two: 2 }]);
  });
});
