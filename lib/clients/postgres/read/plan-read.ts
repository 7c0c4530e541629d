import type pg from 'pg';
import type { SourcePlan } from '../../../core/plan.ts';
import { typeName } from '../../../schema/types.ts';
import { limited } from '../connection/connect.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import { withSession } from '../connection/session.ts';
import { keyedRead, READINGS_APART } from './keyed-read.ts';
import { divide } from './parallel-read.ts';
import { doingOf, type ReadPlan, readPlan, type ReadTarget, type ReadWish } from './read-plan.ts';

/** What reading would ask of the server, and how much that would give. The server plans the statement and does not run it. */
export async function planRead(
  target: PgTarget,
  read: ReadTarget,
  { parallel, signal, ...wish }: ReadWish & { readonly signal: AbortSignal; readonly parallel: number },
): Promise<SourcePlan> {
  return withSession(target, { doing: doingOf(read), signal }, async session => {
    const { client } = session;
    await session.begin({ isReadOnly: true });
    const plan = await readPlan(client, read, target, wish);
    const estimate = await estimateOf(client, plan);
    const division = parallel === 1 || session.isBorrowed ? [] : [divisionNote(await divide(session, plan, parallel), parallel)];
    const keyed = parallel === 1 && !session.isBorrowed ? await keyedRead(client, plan, undefined) : undefined;
    await session.rollBack();
    const { columns, statement } = plan;
    const hasPositions = keyed !== undefined && !('reason' in keyed) && estimate.estimatedRows >= LONG;
    return { statements: [statement], ...estimate, notes: [...notesOn(columns), ...division], hasPositions, isRepeatable: false };
  });
}

/** Rows from which on a reading goes by the key, where a run commits every 100,000. */
const LONG = READINGS_APART * 100_000;

/** By the server's statistics. Source: https://www.postgresql.org/docs/18/using-explain.html */
export async function estimateOf(
  client: pg.Client,
  { select, parameters }: Pick<ReadPlan, 'select' | 'parameters'>,
): Promise<{ estimatedRows: number; estimatedBytes: number }> {
  const { rows } = await client.query<{ 'QUERY PLAN': readonly [{ Plan: PlanNode }] }>(
    limited(`EXPLAIN (FORMAT JSON) ${select}`, parameters === undefined ? undefined : [...parameters.values]),
  );
  const [{ Plan: node }] = (rows[0] as (typeof rows)[number])['QUERY PLAN'];
  return { estimatedRows: node['Plan Rows'], estimatedBytes: node['Plan Rows'] * node['Plan Width'] };
}

interface PlanNode {
  readonly 'Plan Rows': number;
  /** Bytes a row. */
  readonly 'Plan Width': number;
}

function divisionNote(division: Awaited<ReturnType<typeof divide>>, parallel: number): string {
  if ('reason' in division) return `read by one connection: ${division.reason}`;
  const { statements, by } = division;
  return `read in ${statements.length} ranges (${by}) by ${Math.min(parallel, statements.length)} connections, from one snapshot`;
}

export function notesOn(columns: ReadPlan['columns']): string[] {
  const printed = columns.filter(({ wire }) => wire === 'text').map(({ name, type }) => `${JSON.stringify(name)} (${typeName(type)})`);
  return printed.length === 0 ? [] : [`read as the text that PostgreSQL prints: ${printed.join(', ')}`];
}
