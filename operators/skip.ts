import { z } from 'zod';
import type { Operator } from '../lib/core/contracts.ts';
import { defineOperator } from '../lib/core/define.ts';

const options = z.strictObject({ count: z.int().min(0) });

/** All but the first `count` records. */
export function skip<Row>(count: number): Operator<Row, Row> {
  return skipKind.create({ count }, undefined);
}

export const skipKind = defineOperator<typeof options>({
  kind: 'skip',
  options,
  keepsNothing: true,
  batch: ({ count }, context) => {
    let left = count;
    context.keepState({ save: () => left, load: state => void (left = Number(state)) });
    return batch => {
      if (left === 0) return batch;
      const rest = batch.slice(left);
      left -= batch.length - rest.length;
      return rest;
    };
  },
  reads: () => [],
  schema: input => input,
  request: ({ count }) => ({ offset: count }),
  title: ({ count }) => String(count),
});
