import { z } from 'zod';
import type { Operator } from '../lib/core/contracts.ts';
import { type AnyRow, defineOperator } from '../lib/core/define.ts';
import { around } from '../lib/core/run/row-function.ts';

const options = z.strictObject({});

/** Looks at every record and gives it on. A function that throws rejects the record (OPERATOR_THREW). */
export function tap<Row>(look: (row: Row) => void): Operator<Row, Row> {
  return tapKind.create({}, look as (row: AnyRow) => void);
}

export const tapKind = defineOperator<typeof options, (row: AnyRow) => void>({
  kind: 'tap',
  options,
  row: (_options, _context, look) => around(look, 'sees', row => row),
  schema: input => input,
});
