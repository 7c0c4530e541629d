// A custom operator. defineOperator keeps options that can be written as JSON; the function that users call is written beside it by hand,
// for three reasons that no generic factory overcomes: arguments by position, functions as arguments, and a row type that the options are
// checked against.
import { z } from 'zod';
import {
  defineOperator,
  defineSink,
  defineSource,
  type Operator,
  type Plan,
  type PlanStage,
  type SinkPlan,
  type SourcePlan,
  type PushRequest,
  Schema,
  type Source,
} from '../../lib/index.ts';
import { type Is, is } from './is.ts';

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

/** A source and a sink say for `plan` what they would do: with what read would get, and with what open would get. */
export const tellingKind = defineSource({
  kind: 'telling',
  options: z.strictObject({ rows: z.number().default(1) }),
  plan: (options, context): Promise<SourcePlan> => {
    is<Is<typeof context.columns, readonly string[] | undefined>>();
    return Promise.resolve({ estimatedRows: options.rows, hasPositions: false, isRepeatable: true });
  },
  async *read() {
    // Nothing.
  },
});
export const targetKind = defineSink({
  kind: 'target',
  options: z.strictObject({ url: z.string() }),
  open: () => Promise.reject(new Error('not here')),
  states: {
    goesBack: ({ url }) => url.length > 0,
    stands: (_options, state, { jobId }) => Promise.resolve(state !== null && jobId.length > 0),
  },
  plan: ({ url }, { schema, first }): Promise<SinkPlan> => {
    is<Is<typeof schema, Schema | undefined>>();
    return Promise.resolve({
      exists: first !== undefined,
      statements: [url],
      types: [{ name: 'a', from: 'int4', to: 'int8', change: 'widened' }],
    });
  },
});
export const problemsOf = ({ problems, stages }: Plan): string[] => {
  is<Is<(typeof stages)[number], PlanStage>>();
  return problems.map(({ code, message }) => `${code} ${message}`);
};
