import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { describeTarget, type PgTarget, type SslMode } from './connection-options.ts';
import { CONNECTING, isServerError, postgresError, sqlStateOf } from './errors.ts';
import { untilHungUp } from './hang-up.ts';
import { endLost, noteStart } from './lost-sessions.ts';
import { passwordFor, socketFor } from './means.ts';
import { backendSql, markPooled, settingsSql } from './settings.ts';
import { internalsOf } from './pg-internals.ts';
import { readingSocket } from './socket-reads.ts';

/** Idle seconds after which the system asks whether the other side is still there. */
const KEEP_ALIVE_AFTER_MS = 30_000;

/**
 * A connection to a server, its session set so that values read and written mean the same whatever role, database and server are set to. Through a
 * pooler (PgBouncer) nothing is set for the session: `begin` of a session of the pool sets it for a transaction.
 * An `error` of the connection while nobody uses it ends nothing: the next use reports it.
 * Errors: UNREACHABLE, AUTHENTICATION_FAILED, NOT_FOUND (the database), CANCELLED (the signal); all within `connectTimeoutMs`.
 * Source: https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-START-UP
 */
export async function connect(target: PgTarget, signal?: AbortSignal): Promise<pg.Client> {
  const doing = CONNECTING;
  const client = await firstThatWorks(target, signal).catch((error: unknown) => {
    throw signal?.aborted === true ? cancelled(target) : postgresError(error, doing, target);
  });
  try {
    const { rows } = await client.query<{ isOwn: boolean; began: string | null }>(limited(backendSql(client)));
    if (rows[0]?.isOwn === false) markPooled(client);
    else {
      noteStart(client, rows[0]?.began);
      await client.query(limited(settingsSql(target.statementTimeoutMs, 'session')));
      await endLost(client, target, limited);
    }
    return client;
  } catch (error) {
    internalsOf(client).connection.stream.destroy();
    throw postgresError(error, doing, target);
  }
}

type Encryption = 'none' | 'unverified' | 'verified' | 'verified-host';

/** In this order; the next one only when the server does not take the one before. */
const ATTEMPTS: Readonly<Record<SslMode, readonly Encryption[]>> = {
  disable: ['none'],
  allow: ['none', 'unverified'],
  prefer: ['unverified', 'none'],
  require: ['unverified'],
  'verify-ca': ['verified'],
  'verify-full': ['verified-host'],
};

async function firstThatWorks(target: PgTarget, signal: AbortSignal | undefined): Promise<pg.Client> {
  const password = await passwordFor(target, signal);
  const attempts = target.host.startsWith('/') ? (['none'] as const) : ATTEMPTS[target.sslmode];
  let refusal: unknown;
  for (const encryption of attempts) {
    try {
      return await attempt({ ...target, password }, encryption, signal);
    } catch (error) {
      if (!refusesEncryption(error)) throw error;
      // Of two refusals the first is the one about the login.
      refusal ??= error;
    }
  }
  throw refusal;
}

/** The server has no TLS, or its pg_hba.conf has no line for a connection with, or without. */
function refusesEncryption(error: unknown): boolean {
  return sqlStateOf(error) === '28000' || (error instanceof Error && error.message === 'The server does not support SSL connections');
}

async function attempt(target: PgTarget, encryption: Encryption, signal: AbortSignal | undefined): Promise<pg.Client> {
  signal?.throwIfAborted();
  // Loaded when somebody connects: the driver is no part of Millrace's own start.
  const { Client } = (await import('pg')).default;
  const stream = (await socketFor(target, signal)) ?? (encryption === 'none' ? readingSocket() : undefined);
  if (signal?.aborted === true) stream?.destroy();
  signal?.throwIfAborted();
  const client = new Client({
    ...(stream === undefined ? {} : { stream: () => stream }),
    host: target.host,
    port: target.port,
    user: target.user,
    password: target.password,
    database: target.database,
    ssl: tlsOptions(target, encryption),
    application_name: target.applicationName,
    options: target.serverOptions,
    connectionTimeoutMillis: target.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
  });
  // Without a listener the error of a connection that nobody uses would end the process.
  client.on('error', () => undefined);
  const abort = (): void => void internalsOf(client).connection.stream.destroy(new Error('aborted'));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await client.connect();
    return client;
  } catch (error) {
    const { stream } = internalsOf(client).connection;
    // Until then a session that was refused counts among those that are allowed.
    if (isServerError(error)) await untilHungUp(stream);
    stream.destroy();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function tlsOptions({ tls }: PgTarget, encryption: Encryption): pg.ClientConfig['ssl'] {
  switch (encryption) {
    case 'none':
      return false;
    case 'unverified':
      return { ...tls, rejectUnauthorized: false };
    case 'verified':
      return { ...tls, rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case 'verified-host':
      return { ...tls, rejectUnauthorized: true };
  }
}

/** Milliseconds that a statement of our own (settings, catalogue) may take. */
const STATEMENT_LIMIT_MS = 30_000;

/** A statement with a time limit on this side, for what is known to be quick. After `TIMEOUT` the connection is of no use any more. */
export function limited(text: string, values?: unknown[]): pg.QueryConfig {
  return { text, ...(values === undefined ? {} : { values }), query_timeout: STATEMENT_LIMIT_MS } as pg.QueryConfig;
}

function cancelled(target: PgTarget): MillraceError {
  return new MillraceError('CANCELLED', `connect: cancelled before ${describeTarget(target)} answered`);
}
