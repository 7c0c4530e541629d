import type { Json, Position } from '../batch/batch.ts';
import type { Job } from './job.ts';

/** All that a run needs to go on where it was; plain JSON. */
export interface Checkpoint {
  /** Its `id`. */
  readonly job: string;
  /** What has to be the same for a run to go on from here. */
  readonly identity?: Job;
  /** Everything up to here has its outcome. */
  readonly source?: Position;
  /** What operators saved, by number and kind (`1:take`). */
  readonly operators: { readonly [stage: string]: Json };
  /** What sinks returned from `commit`. */
  readonly sinks: { readonly [stage: string]: Json };
  /** The source was read to its end. */
  readonly done?: true;
  /** The run ends here, before the end of its source. */
  readonly stopped?: true;
  /** Why the records were not all that the source has, where they were not: the run was stopped, some were rejected. */
  readonly incomplete?: string;
}

/** What a keeper of checkpoints is told. */
export interface KeeperContext {
  readonly job: Job;
  /** False: the job is to begin at the beginning, and what was kept of it is forgotten. */
  readonly resume: boolean;
  /** Only looked at: nothing is forgotten, and no other run is waited for. */
  readonly isPlan?: boolean;
  readonly signal: AbortSignal;
}

/** Where a job stands, or why nothing is kept of it (a right is missing). */
export type Stands =
  | { readonly refusal: string }
  /**
   * Undefined: it never began, or is to begin again. `void`: its target is not there any more. Where there is none, that of another job with the same source
   * and target that is not done: what differs is named then.
   */
  | {
      readonly checkpoint: Checkpoint | 'void' | undefined;
      /** What was forgotten of a job that is to begin at the beginning. */
      readonly forgotten?: Checkpoint | undefined;
      /** Nothing at the target looks at the load as a whole. */
      readonly commitsParts: boolean;
    };

/**
 * Of a sink that keeps the checkpoint with its rows: `Writer.commit` stores it in the same transaction. Asked before the source is read: a sink
 * that needs a schema may be opened only when the first records are there.
 */
export interface CheckpointKeeper<Options, Given> {
  look(options: Options, context: KeeperContext, given: Given): Promise<Stands>;
  /** Whether rows may be committed before all of them are there. */
  commitsParts(options: Options): boolean;
  /**
   * Of a target that takes what is new, run after run: what becomes of records beside those that are there (`made`: there may be none). Undefined in a mode
   * in which those go.
   */
  accumulates?(options: Options): 'made' | 'added' | 'merged' | undefined;
  /** The target without what is done there: what jobs that go on run after run are known by. */
  target?(options: Options, given: Given): string;
}
