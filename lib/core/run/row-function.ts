import { MillraceError } from '../../errors.ts';
import type { AnyRow, RowFunction } from '../define.ts';
import { Rejected } from '../rejected.ts';

/** What comes of what a user's function gave. */
export type Outcome = (row: AnyRow, result: unknown) => ReturnType<RowFunction>;

/** When a loop asks for the outcome: `keeps`: where the function gave no boolean; `changes`: where it gave no plain object; `sees`: where it gave a promise. */
export type Shape = 'keeps' | 'changes' | 'sees';

/** What a row function is made of that stands around a user's own. */
export interface RowParts {
  readonly use: (row: AnyRow) => unknown;
  readonly shape: Shape;
  readonly outcome: Outcome;
}

const PARTS = new WeakMap<RowFunction, RowParts>();

/** A row function around a user's own. A loop calls the user's function itself, and `outcome` only where it has to. */
export function around(use: (row: AnyRow) => unknown, shape: Shape, outcome: Outcome): RowFunction {
  const change: RowFunction = row => outcome(row, use(row));
  PARTS.set(change, { use, shape, outcome });
  return change;
}

/** Of a row function that `around` made. */
export function partsOf(change: RowFunction): RowParts | undefined {
  return PARTS.get(change);
}

/** A function of the user's that threw refuses the record. */
export function threw(error: unknown): Rejected {
  return new Rejected('OPERATOR_THREW', textOf(error));
}

/** Anything can be thrown, also what has no text. */
function textOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return `the function threw a value of type ${typeof error} that has no text`;
  }
}

/** What a row function threw: the record's fault, unless it is the run's. */
export function refusal(error: unknown): Rejected {
  if (error instanceof MillraceError && error.code === 'STATE_TOO_LARGE') throw error;
  return threw(error);
}
