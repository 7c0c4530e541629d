import { asMillraceError, MillraceError } from '../../../errors.ts';
import { sqlStateOf } from '../connection/errors.ts';

/** What is known of a load before it. */
export class PlanFindings {
  readonly problems: MillraceError[] = [];
  readonly notes: string[] = [];
  readonly statements: string[] = [];

  /** A refusal is a problem; what the server fails with ends the plan, for it ends the transaction. */
  async tried<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof MillraceError) || sqlStateOf(error) !== undefined) throw error;
      this.problems.push(asMillraceError(error));
      return undefined;
    }
  }
}
