import type pg from 'pg';
import { isServerError, printable, sqlStateOf } from '../../connection/errors.ts';
import type { Ddl } from './ddl.ts';

/** Where statements run, within a transaction, and where is said what was left out. */
export interface DdlRun {
  readonly client: pg.Client;
  warn(message: string): void;
}

/** A statement that was left out, and why. */
export interface FailedDdl {
  readonly ddl: Ddl;
  readonly error: Error;
}

/**
 * Runs statements, each by itself: what the target cannot have (a function, type, table or privilege that is not there) is left out and said.
 * Everything else is an error, as the server has it. What was left out.
 */
export async function runEach(
  run: DdlRun,
  statements: readonly Ddl[],
  mayFail: (error: unknown) => boolean = isNotThere,
): Promise<FailedDdl[]> {
  const failed: FailedDdl[] = [];
  for (const ddl of statements) {
    const error = await attempt(run, [ddl], mayFail);
    if (error === undefined) continue;
    run.warn(`${ddl.object} is left out: ${isServerError(error) ? printable(error) : String(error)}`);
    failed.push({ ddl, error });
  }
  return failed;
}

/** As `runEach`, for statements that are quickly run: all at once, and each by itself only where one of them fails. */
export async function runAll(
  run: DdlRun,
  statements: readonly Ddl[],
  mayFail: (error: unknown) => boolean = isNotThere,
): Promise<FailedDdl[]> {
  if (statements.length === 0) return [];
  const error = await attempt(run, statements, mayFail);
  return error === undefined ? [] : runEach(run, statements, mayFail);
}

/**
 * As `runAll`, for statements of which one has to succeed: where that is refused nothing of them has happened, and of the others nothing is said. Why
 * it was refused.
 */
export async function runAround(run: DdlRun, statements: readonly Ddl[], needed: Ddl): Promise<Error | undefined> {
  if ((await attempt(run, statements, isNotThere)) === undefined) return undefined;
  const at = statements.indexOf(needed);
  await run.client.query(`SAVEPOINT ${AROUND}`);
  const refused = [...(await runEach(run, statements.slice(0, at))), ...(await runEach(run, [needed]))].find(({ ddl }) => ddl === needed);
  if (refused === undefined) await runEach(run, statements.slice(at + 1));
  await run.client.query(`${refused === undefined ? '' : `ROLLBACK TO SAVEPOINT ${AROUND}; `}RELEASE SAVEPOINT ${AROUND}`);
  return refused?.error;
}

const AROUND = 'millrace_around';

/** What they may fail with is given back, and then nothing has happened. The savepoint goes ahead: syntax is looked at before anything is run. */
async function attempt({ client }: DdlRun, statements: readonly Ddl[], mayFail: (error: unknown) => boolean): Promise<Error | undefined> {
  await client.query(`SAVEPOINT ${SAVEPOINT}`);
  try {
    await client.query([...statements.map(({ sql }) => sql), `RELEASE SAVEPOINT ${SAVEPOINT}`].join(';\n'));
    return undefined;
  } catch (error) {
    if (!(error instanceof Error) || !mayFail(error)) throw error;
    await client.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}; RELEASE SAVEPOINT ${SAVEPOINT}`);
    return error;
  }
}

const SAVEPOINT = 'millrace_definition';

/** Wrong or unknown names and parameters, no such schema, nothing the server can do, no right to it, no value of a type that is another one there. */
export function isNotThere(error: unknown): boolean {
  return /^(?:42|3F|0A|22023|22P02|58P01)/.test(sqlStateOf(error) ?? '');
}

/** Of a foreign key also that what it refers to is not among the rows there. */
export function isUnreferenced(error: unknown): boolean {
  return isNotThere(error) || sqlStateOf(error) === '23503';
}

/** Of the state of a sequence also that it lies outside of what the sequence gives there. */
export function isOutOfPlace(error: unknown): boolean {
  return isNotThere(error) || sqlStateOf(error) === '22003';
}
