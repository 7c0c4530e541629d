// Whole databases go from tables to tables.
import { filter, from, pipeline, project, to, verifyTables } from '../../lib/index.ts';
import { type Is, is } from './is.ts';

const report = await pipeline(
  from.postgres.tables({ url: 'postgres:///app', tables: 'public.*', password: async () => 'fetched' }),
  to.postgres.tables({ url: 'postgres:///copy', mode: 'replace', parallel: 4, stopOnFailure: true, password: () => 'fetched' }),
);
const [first] = report.tables ?? [];
if (first !== undefined) is<Is<typeof first.status, 'ok' | 'failed' | 'stopped'>>();
if (first?.error !== undefined) is<Is<typeof first.error.retryable, boolean>>();

const verified = await verifyTables(from.postgres.tables({ url: 'postgres:///app' }), from.postgres.tables({ url: 'postgres:///copy' }));
is<Is<typeof verified.equal, boolean>>();
const users = from.postgres<{ id: number }>({ url: 'postgres:///app', table: 'users' });
// @ts-expect-error records of one table are compared by verify
await verifyTables(users, from.postgres.tables({ url: 'postgres:///copy' }));

// @ts-expect-error no mode of a whole database
to.postgres.tables({ url: 'postgres:///copy', mode: 'upsert' });
// @ts-expect-error a table is named where records go
to.postgres.tables({ url: 'postgres:///copy', table: 'users' });
// @ts-expect-error patterns are one text
from.postgres.tables({ url: 'postgres:///app', tables: ['public.*'] });
// @ts-expect-error it has no records with fields
await pipeline(from.postgres.tables({ url: 'postgres:///app' }), project('id'), to.null());
// @ts-expect-error nor a condition on them
await pipeline(from.postgres.tables({ url: 'postgres:///app' }), filter({ id: 1 }), to.null());
