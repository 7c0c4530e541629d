/** What a session is set to, so that values mean the same whatever role, database and server are set to. */
import type pg from 'pg';
import { quoteLiteral } from '../../../values/identifiers.ts';
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

export type SettingValues = Readonly<Record<string, string>>;

/** All that `settingsSql` and a transaction of ours set, as one row. */
export function currentSettingsSql(): string {
  const names = ['statement_timeout', 'lock_timeout', ...Object.keys(SETTINGS)];
  return `SELECT ${names.map(name => `pg_catalog.current_setting('${name}') AS "${name}"`).join(', ')}`;
}

/** Sets them to these values for the rest of the transaction. */
export function settingsBackSql(values: SettingValues): string {
  const calls = Object.entries(values).map(([name, value]) => `pg_catalog.set_config('${name}', ${quoteLiteral(value)}, true)`);
  return `SELECT ${calls.join(', ')}`;
}

/** Tells whether this connection is of one backend, as its key says; behind a pooler it is of any, and of another after each transaction. */
export function backendSql(client: pg.Client): string {
  return `SELECT pg_catalog.pg_backend_pid() = ${internalsOf(client).processID ?? 'pg_catalog.pg_backend_pid()'} AS "isOwn", ${BEGAN} AS began`;
}

/** When a backend began, of itself. */
const BEGAN = '(SELECT extract(epoch FROM backend_start)::text FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()))';

const pooled = new WeakSet<pg.Client>();

export function markPooled(client: pg.Client): void {
  pooled.add(client);
}

/** Whether the connection is one to a pooler: what is set for the session would be found by others, and lost to us. */
export function isPooled(client: pg.Client): boolean {
  return pooled.has(client);
}
