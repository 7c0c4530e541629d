// A custom operator. defineOperator keeps options that can be written as JSON; the function that users call is written beside it by hand,
// for three reasons that no generic factory overcomes: arguments by position, functions as arguments, and a row type that the options are
// checked against.
import { z } from 'zod';
import { defineOperator, type Operator } from '../../lib/index.ts';

const lowercaseKind = defineOperator({
  kind: 'lowercase',
  options: z.strictObject({ fields: z.array(z.string()).min(1) }),
  row:
    ({ fields }) =>
    row => ({ ...row, ...Object.fromEntries(fields.map(field => [field, String(row[field]).toLowerCase()])) }),
});

type TextKey<Row> = { [K in keyof Row & string]: Row[K] extends string | null ? K : never }[keyof Row & string];

export const lowercase = <Row, K extends TextKey<Row> = TextKey<Row>>(...fields: readonly K[]): Operator<Row, Row> =>
  lowercaseKind.create({ fields: [...fields] }, undefined);
