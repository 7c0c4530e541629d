import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import type { PgTarget } from './connection-options.ts';
import { postgresError, sqlStateOf } from './errors.ts';

/** Where statements of the user run. */
export interface OwnSqlPlace {
  readonly client: pg.Client;
  readonly target: PgTarget;
}

/**
 * Runs statements of the user within the transaction. Errors are those of the server; OPTION_INVALID where they end the transaction, or begin
 * another one: the savepoint is gone then.
 */
export async function runOwnSql({ client, target }: OwnSqlPlace, option: 'before' | 'after', text: string): Promise<void> {
  try {
    await client.query(`SAVEPOINT ${SAVEPOINT}`);
    await client.query(text);
    await client.query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
  } catch (error) {
    if (!GONE.has(sqlStateOf(error) ?? '')) throw postgresError(error, `run the SQL of option "${option}"`, target);
    throw new MillraceError(
      'OPTION_INVALID',
      `postgres: option "${option}": the SQL ended the transaction that it runs in; leave COMMIT and ROLLBACK out (what it committed stays)`,
    );
  }
}

const SAVEPOINT = 'millrace_own_sql';
/** No such savepoint; no transaction. */
const GONE = new Set(['3B001', '25P01']);
