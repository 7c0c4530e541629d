import type { Relation } from '../catalogue/relation.ts';

/** How a table is read that is a part of a whole: its own rows alone, as they were when the whole was looked at. */
export interface TablePart {
  /** As another session exported it. */
  readonly snapshot: string;
  /** The table, with the columns that the server does not make itself. */
  readonly relation: Relation;
}
