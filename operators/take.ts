import { z } from 'zod';
import type { Operator } from '../lib/core/contracts.ts';
import { defineOperator } from '../lib/core/define.ts';

const options = z.strictObject({ count: z.int().min(0) });

/** The first `count` records; then the stages before are asked to stop. Zero gives none. */
export function take<Row>(count: number): Operator<Row, Row> {
  return takeKind.create({ count }, undefined);
}

export const takeKind = defineOperator<typeof options>({
  kind: 'take',
  options,
  keepsNothing: true,
  batch: ({ count }, context) => {
    let left = count;
    context.keepState({ save: () => left, load: state => void (left = Number(state)) });
    if (left === 0) context.stop();
    return batch => {
      const taken = batch.slice(0, left);
      left -= taken.length;
      if (left === 0) context.stop();
      return taken;
    };
  },
  reads: () => [],
  schema: input => input,
  request: ({ count }) => ({ limit: count }),
  title: ({ count }) => String(count),
});
