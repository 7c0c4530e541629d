import type pg from 'pg';
import { quoteQualifiedName } from '../../../../values/identifiers.ts';
import { limited } from '../../connection/connect.ts';
import type { SequenceDefinition } from './model.ts';
import type { SequenceRow } from './table-queries.ts';

export type SequenceStates = ReadonlyMap<number, NonNullable<SequenceDefinition['state']>>;

/** Where sequences stand; those that may not be looked at are left out. */
export async function readSequenceStates(client: pg.Client, sequences: readonly SequenceRow[]): Promise<SequenceStates> {
  const readable = sequences.filter(sequence => sequence.readable);
  if (readable.length === 0) return new Map();
  const selects = readable.map(({ oid, schema, name }) => {
    return `SELECT ${oid}::oid AS oid, last_value::text AS last, is_called AS called FROM ${quoteQualifiedName({ schema, name })}`;
  });
  const { rows } = await client.query<{ oid: number; last: string; called: boolean }>(limited(selects.join(' UNION ALL ')));
  return new Map(rows.map(({ oid, last, called }) => [oid, { lastValue: last, isCalled: called }]));
}

export function sequenceDefinition(row: SequenceRow, states: SequenceStates): SequenceDefinition {
  const { schema, name, type, start, increment, min, max, cache } = row;
  return {
    name: { schema, name },
    type,
    start,
    increment,
    min,
    max,
    cache,
    isCycling: row.cycles,
    comment: row.comment ?? undefined,
    state: states.get(row.oid),
  };
}
