// A client of the user's, of whatever version of pg, and nothing that only looks like one.
import pg from 'pg';
import { from, pipeline, to } from '../../lib/index.ts';

const client = new pg.Client();
const pool = new pg.Pool();
const pooled: pg.PoolClient = await pool.connect();

await pipeline(from.postgres<{ id: number }>({ client, table: 'users' }), to.postgres({ client: pooled, table: 'users', key: ['id'] }));

// @ts-expect-error a pool is no connection
from.postgres({ client: pool, table: 'users' });
// @ts-expect-error a pool is no connection
to.postgres({ client: pool, table: 'users' });
// @ts-expect-error the promise of a client is none
from.postgres({ client: pool.connect(), table: 'users' });
