import type { Operand } from './operand.ts';
import type { Path } from './path.ts';

/**
 * A condition on a record, as plain JSON: what `filter` keeps in its options, what the text form parses to, what a backend translates.
 * Null or missing matches `notExists` only; every other operator is false for it, negated ones too. `not` is the logical complement.
 * The object form (where.ts) and the text form (parse-expression.ts) are for people.
 */
export type Predicate = Both | Negation | Comparison;
export type Comparison = Ordering | Membership | Between | TextTest | Existence;

/** All of these, or one of these. Of none: true for `and`, false for `or`. */
export interface Both {
  readonly op: 'and' | 'or';
  readonly of: readonly Predicate[];
}
export interface Negation {
  readonly op: 'not';
  readonly of: readonly [Predicate];
}
export interface Ordering {
  readonly op: '=' | '!=' | '>' | '>=' | '<' | '<=';
  readonly path: Path;
  readonly value: Operand;
}
export interface Membership {
  readonly op: 'in' | 'notIn';
  readonly path: Path;
  readonly values: readonly Operand[];
}
/** Both ends included. */
export interface Between {
  readonly op: 'between' | 'notBetween';
  readonly path: Path;
  readonly low: Operand;
  readonly high: Operand;
}
/** `like` and `startsWith` of the whole text, `regex` of any part of it. Only text matches. */
export interface TextTest {
  readonly op: 'like' | 'notLike' | 'regex' | 'startsWith';
  readonly path: Path;
  readonly value: string;
}
export interface Existence {
  readonly op: 'exists' | 'notExists';
  readonly path: Path;
}

/** The paths that a predicate looks at, each as often as it stands there. */
export function pathsOf(predicate: Predicate): Path[] {
  return 'of' in predicate ? predicate.of.flatMap(pathsOf) : [predicate.path];
}

export { predicateOf } from './predicate-of.ts';
export type { Where } from './where.ts';
