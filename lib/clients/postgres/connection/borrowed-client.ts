import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { internalsOf, type Submittable } from './pg-internals.ts';

/** OPTION_INVALID for what is no client of `pg`. Whether it is connected is looked at when it is used. */
export function checkedClient(given: unknown): pg.Client {
  const problem = problemOf(given);
  if (problem === undefined) return given as pg.Client;
  throw new MillraceError('OPTION_INVALID', `postgres: option "client": ${problem}; give a connected Client or PoolClient of pg`);
}

function problemOf(given: unknown): string | undefined {
  if (typeof given === 'function' && 'unsafe' in given && 'begin' in given) return 'this is a client of postgres.js';
  if (typeof given !== 'object' || given === null) return 'this is no client';
  if ('then' in given) return 'this is a promise of something: await it';
  if ('totalCount' in given && 'idleCount' in given)
    return 'this is a Pool: take a client of it (await pool.connect()) and release it afterwards';
  const { connection, pipeline } = internalsOf(given as pg.Client);
  if ('native' in given || typeof connection?.stream !== 'object') return 'this is no client that speaks the protocol in JavaScript';
  return pipeline === true ? 'this client is in pipeline mode, which has no COPY' : undefined;
}

/** Errors of an `unusable` client. */
export function checkUsable(client: pg.Client): void {
  const { _connected, _ending, _ended, _queryable } = internalsOf(client);
  if (_ending || _ended || !_queryable) throw unusable('this client was closed, or its connection has broken');
  if (!_connected) throw unusable('this client is not connected; connect it first (await client.connect())');
}

const borrowed = new WeakSet<pg.Client>();

/** Whether it is the user's client: always within a transaction, or a part of one, and its session is not ours to set. */
export function isBorrowed(client: pg.Client): boolean {
  return borrowed.has(client);
}

/**
 * The client as a session of ours uses it: values come as `pg` itself parses them, whatever its user has set for this client; and once the session is
 * over nothing more is sent, which would run in the user's transaction.
 */
export function guardedClient(client: pg.Client, types: pg.CustomTypesConfig, whenOver: () => Error | undefined): pg.Client {
  const query = (first: unknown, values?: unknown[]): unknown => {
    const isSubmittable = typeof first === 'object' && first !== null && 'submit' in first;
    const error = whenOver();
    if (isSubmittable && error === undefined) return client.query(first as pg.Submittable);
    if (isSubmittable)
      return void process.nextTick(() => (first as unknown as Submittable).handleError(error as Error, internalsOf(client).connection));
    if (error !== undefined) return Promise.reject(error);
    const config = typeof first === 'string' ? { text: first, ...(values === undefined ? {} : { values }) } : (first as pg.QueryConfig);
    return client.query({ ...config, types });
  };
  const guarded = new Proxy(client, {
    get: (target, name) => {
      const found: unknown = name === 'query' ? query : Reflect.get(target, name, target);
      return found;
    },
  });
  borrowed.add(guarded);
  return guarded;
}

export function unusable(problem: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `postgres: option "client": ${problem}`);
}
