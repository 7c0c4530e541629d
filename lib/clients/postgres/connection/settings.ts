/** What a session is set to, so that values mean the same whatever role, database and server are set to. */
import type pg from 'pg';
import { internalsOf } from './pg-internals.ts';

const SETTINGS = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  extra_float_digits: '3',
  bytea_output: 'hex',
  client_encoding: 'UTF8',
  client_min_messages: 'warning',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  xmloption: 'content',
  lc_monetary: 'C',
  // A table is read from its start, whoever else is reading it.
  synchronize_seqscans: 'off',
  idle_in_transaction_session_timeout: '0',
};

/** As a statement: it also works through a pooler that refuses startup parameters. `local`: until the end of the transaction. */
export function settingsSql(statementTimeoutMs: number, scope: 'session' | 'local'): string {
  const calls = Object.entries({ statement_timeout: String(statementTimeoutMs), ...SETTINGS }).map(
    ([name, value]) => `pg_catalog.set_config('${name}', '${value}', ${scope === 'local'})`,
  );
  return `SELECT ${calls.join(', ')}`;
}

/** Tells whether this connection is of one backend, as its key says; behind a pooler it is of any, and of another after each transaction. */
export function backendSql(client: pg.Client): string {
  return `SELECT pg_catalog.pg_backend_pid() = ${internalsOf(client).processID ?? 'pg_catalog.pg_backend_pid()'} AS "isOwn"`;
}

const pooled = new WeakSet<pg.Client>();

export function markPooled(client: pg.Client): void {
  pooled.add(client);
}

/** Whether the connection is one to a pooler: what is set for the session would be found by others, and lost to us. */
export function isPooled(client: pg.Client): boolean {
  return pooled.has(client);
}
