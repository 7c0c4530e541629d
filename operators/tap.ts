import { z } from 'zod';
import type { Operator } from '../lib/core/contracts.ts';
import { type AnyRow, defineOperator } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { around } from '../lib/core/run/row-function.ts';
import { isUnwantedPromise } from '../lib/core/run/waiting.ts';

const options = z.strictObject({});

/** Looks at every record and gives it on. A function that throws rejects the record (OPERATOR_THREW), and so does one that gives a promise (VALUE_INVALID): mapAsync waits. */
export function tap<Row>(look: (row: Row) => void): Operator<Row, Row> {
  checkArgument('tap', 'look', look, 'function');
  return tapKind.create({}, look as (row: AnyRow) => void);
}

export const tapKind = defineOperator<typeof options, (row: AnyRow) => void>({
  kind: 'tap',
  options,
  row: (_options, context, look) =>
    around(look, 'sees', (row, result) =>
      isUnwantedPromise(result)
        ? context.reject('VALUE_INVALID', 'the function gave a promise, for which tap does not wait; use mapAsync')
        : row,
    ),
  schema: input => input,
});
