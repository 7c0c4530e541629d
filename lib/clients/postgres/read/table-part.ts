import { quoteLiteral } from '../../../values/identifiers.ts';

/** How a table is read that is a part of a whole: its own rows alone, as they were when the whole was looked at. */
export interface TablePart {
  /** As another session exported it. */
  readonly snapshot: string;
  /** Those that the server does not make itself. */
  readonly columns: readonly string[];
}

/** Begins a transaction that sees what the snapshot sees. Rows that a policy hides are an error, not missing. */
export function joinSnapshot({ snapshot }: TablePart): string {
  return `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)}; SET LOCAL row_security = off`;
}
