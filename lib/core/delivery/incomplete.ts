import type { Line } from '../run/layout.ts';

/**
 * Why what reaches the sink is not all that the source has, as far as the stages tell before the first record; undefined where nothing does. What a filter
 * leaves out is left out by what it says of a record: that is no such reason.
 */
export function cutShort({ operators }: Line): string | undefined {
  const counted = operators.find(({ definition, options }) => {
    const request = definition.request?.(options);
    return request !== undefined && ('limit' in request || 'offset' in request);
  });
  return counted === undefined ? undefined : `${counted.kind} lets a number of records through, whatever they are`;
}

/** What became of a run, at its end. */
export interface EndedRun {
  readonly isDrained: boolean;
  /** A stage needed no more. */
  readonly isStopped: boolean;
  readonly rejected: number;
}

/** The same, told by the run. */
export function leftOut({ isDrained, isStopped, rejected }: EndedRun): string | undefined {
  if (isDrained) return 'the run was stopped';
  if (isStopped) return 'a stage needed no more records and stopped the source';
  if (rejected > 0) return `${rejected} record${rejected === 1 ? ' was' : 's were'} rejected`;
  return undefined;
}
