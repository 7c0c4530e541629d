import { MillraceError } from '../../errors.ts';
import type { Position } from '../batch/batch.ts';
import type { Checkpoint, CheckpointKeeper } from './checkpoint.ts';
import { differencesOf, type Job, jobOf } from './job.ts';
import type { Line } from '../run/layout.ts';
import type { OperatorStage } from '../run/stage.ts';

/** Of a source that gives in each run only what earlier runs of its job have not had. */
export interface Following {
  /** What it goes by, in words: `since "updated_at"`. */
  readonly by: string;
  /** It may give records of an earlier run again. */
  readonly repeats: boolean;
}

/** What such a source says of a run. */
export interface FollowingReport {
  /** The column that it goes by. */
  readonly column: string;
  /** The value behind which it reads; null: it begins at the beginning. */
  readonly after: string | null;
  /** The value before which it ends; null: there is no such bound. */
  readonly upTo: string | null;
}

/** What a run that follows is judged by. */
export interface FollowedLine {
  readonly line: Line;
  readonly following: Following;
  /** What the source does not do itself. */
  readonly rest: readonly OperatorStage[];
  /** The user wants none. */
  readonly isUnkept: boolean;
  /** Why the job cannot be told from others. */
  readonly alike: string | undefined;
}

/** The keeper of where such a source stands. OPTION_INVALID where rows would be lost, or come twice, by the run that follows. */
function keeperOfFollowed({ line, following: { by, repeats }, rest, isUnkept, alike }: FollowedLine): CheckpointKeeper<unknown, unknown> {
  const { sink } = line;
  const keeper = sink.definition.checkpoints;
  if (keeper?.accumulates === undefined)
    throw invalid(`${by}: ${sink.kind} keeps no position for the next run; write into a table of PostgreSQL`);
  if (isUnkept) throw invalid(`${by}: the position is kept in the checkpoint; leave checkpoint: false (--no-checkpoint) out`);
  if (alike !== undefined) throw invalid(`${by}: no position can be kept: ${alike}`);
  const gathered = keeper.accumulates(sink.options);
  if (gathered === undefined)
    throw invalid(`${by}: a run reads only what is new, and this mode would leave nothing else in the target; use append or upsert`);
  if (repeats && gathered === 'added')
    throw invalid(`${by}: with an overlap records are read again, and append would add them again; use upsert, or overlap 0`);
  const counting = rest.find(({ definition, options }) => {
    const request = definition.request?.(options);
    return request !== undefined && ('limit' in request || 'offset' in request);
  });
  if (counting !== undefined)
    throw invalid(
      `${by}: what ${counting.kind} leaves out no later run would read; let it follow the source or its filters, without an order`,
    );
  return keeper;
}

/** Where such a job stands. CHECKPOINT_DIFFERS names what has changed; NOT_PERMITTED where the target can keep no position. */
export async function standOfFollowed(
  followed: FollowedLine,
  { name, ...how }: { readonly name: string | undefined; readonly signal: AbortSignal; readonly isPlan?: boolean },
): Promise<{ readonly job: Job; readonly checkpoint: Checkpoint | 'void' | undefined; readonly commitsParts: boolean }> {
  const keeper = keeperOfFollowed(followed);
  const { line, following } = followed;
  const { sink } = line;
  const job = jobOf(line, { name, following });
  const stands = await keeper.look(sink.options, { job, resume: true, ...how }, sink.given);
  if ('refusal' in stands)
    throw new MillraceError('NOT_PERMITTED', `${following.by}: the position is kept with the rows, and cannot be: ${stands.refusal}`);
  const commitsParts = stands.commitsParts && keeper.commitsParts(sink.options);
  const { checkpoint } = stands;
  const was = checkpoint === 'void' ? undefined : checkpoint?.identity;
  const differences = was === undefined ? [] : differencesOf(was, job, (checkpoint as Checkpoint).done === true);
  if (differences.length === 0) return { job, checkpoint, commitsParts };
  throw new MillraceError(
    'CHECKPOINT_DIFFERS',
    `the job is not what it was when it last ran: ${differences.join('; ')}; to read all anew, forget its position: millrace state reset ${job.id}`,
  );
}

/** Where the source stands when such a run is over. `isExact`: everything up to `position`, and nothing behind it, has its outcome. */
export function endOfFollowed({ by }: Following, { isDrained, isStopped, isExact, position, last }: FollowedEnd): Position | undefined {
  if (isDrained && !isExact)
    throw new MillraceError('CANCELLED', `${by}: the run was stopped where no other could go on: what it has not committed is not written`);
  if (isDrained) return position;
  if (isStopped) throw invalid(`${by}: an operator needed no more; what it left out no later run would read`);
  return last ?? position;
}

interface FollowedEnd {
  readonly isDrained: boolean;
  /** The source was asked to end. */
  readonly isStopped: boolean;
  readonly isExact: boolean;
  readonly position: Position | undefined;
  /** The last that the source gave. */
  readonly last: Position | undefined;
}

function invalid(message: string): MillraceError {
  return new MillraceError('OPTION_INVALID', message);
}
