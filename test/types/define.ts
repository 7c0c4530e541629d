// A custom operator. defineOperator keeps options that can be written as JSON; the function that users call is written beside it by hand,
// for three reasons that no generic factory overcomes: arguments by position, functions as arguments, and a row type that the options are
// checked against.
import { z } from 'zod';
import { defineOperator, defineSource, type Operator, type PushRequest, Schema, type Source } from '../../lib/index.ts';

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

const oddKind = defineSource({
  kind: 'odd',
  options: z.strictObject({ most: z.number().default(9) }),
  describe: () => Promise.resolve(new Schema([{ name: 'n', type: { kind: 'int4' }, nullable: false }])),
  absorb: (options, requests: readonly PushRequest[]) => {
    const [first, ...rest] = requests;
    const isTaken = first !== undefined && 'limit' in first;
    return isTaken ? { options: { most: first.limit }, taken: [first], rest } : { options, taken: [], rest: requests };
  },
  async *read({ most }) {
    most.toFixed();
  },
});
export const odd = (): Source<{ n: number }> => oddKind.create({}, undefined);

export const firstKind = defineOperator({
  kind: 'first',
  options: z.strictObject({ count: z.number() }),
  row: () => row => row,
  request: ({ count }) => ({ limit: count }),
});
