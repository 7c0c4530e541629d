import { MillraceError } from '../errors.ts';
import { pointAt } from './point-at.ts';

/** EXPRESSION_INVALID that points at a place in the expression. */
export function invalidExpression(expression: string, start: number, end: number, problem: string): MillraceError {
  return new MillraceError('EXPRESSION_INVALID', pointAt('expression', expression, start, end, problem));
}
