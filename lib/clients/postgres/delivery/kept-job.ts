import type pg from 'pg';
import type { Checkpoint, SinkContext } from '../../../core/define.ts';
import { MillraceError } from '../../../errors.ts';
import { forgetCheckpoint, provideCheckpoints, standsAt, storeSql } from './checkpoint-table.ts';
import { lockJob } from './job-lock.ts';

/** A job whose checkpoint is kept with its rows: nobody else is at it from `begin` to `end`. */
export class KeptJob {
  readonly #client: pg.Client;
  readonly #context: SinkContext;
  #release: (() => Promise<void>) | undefined;
  #hasTable = false;

  constructor(client: pg.Client, context: SinkContext) {
    this.#client = client;
    this.#context = context;
  }

  get isKept(): boolean {
    return this.#context.keepsCheckpoint === true;
  }

  /** JOB_RUNNING; also where another run has gone on since the checkpoint was looked at. */
  async begin(): Promise<void> {
    const { jobId, signal, resume, kept } = this.#context;
    if (!this.isKept) return;
    this.#release = await lockJob(this.#client, jobId, signal);
    if (await standsAt(this.#client, jobId, resume ?? kept)) return;
    throw new MillraceError('JOB_RUNNING', 'another run of this job has gone on meanwhile; run it again', { retryable: true });
  }

  /**
   * In the transaction of the rows. `table`: the target, for SQL. A part need not be on the disk before the next begins: whatever a crash takes, it takes
   * rows and checkpoint together.
   */
  async keep(checkpoint: Checkpoint, table: string, isFinal: boolean): Promise<void> {
    if (!this.#hasTable) await provideCheckpoints(this.#client);
    this.#hasTable = true;
    const statement = storeSql(checkpoint, table);
    await this.#client.query(isFinal ? statement : `SET LOCAL synchronous_commit = off; ${statement}`);
  }

  /** In the transaction of rows behind which nobody can go on. */
  async forget(): Promise<void> {
    if (this.isKept) await forgetCheckpoint(this.#client, this.#context.jobId);
  }

  async end(): Promise<void> {
    const release = this.#release;
    this.#release = undefined;
    await release?.();
  }
}
