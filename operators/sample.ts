import { z } from 'zod';
import type { Operator } from '../lib/core/contracts.ts';
import { defineOperator } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { Draws } from '../lib/core/state/draws.ts';
import { Reservoir } from '../lib/core/state/reservoir.ts';

/** A share of the records, or a number of them. */
export type SampleOptions =
  | {
      /** Of all records, 0 to 1: each is taken or left by a draw of its own. */
      readonly share: number;
      readonly count?: undefined;
      /** The same seed takes the same places of the stream again; by default every run draws others. */
      readonly seed?: number | undefined;
    }
  | {
      /** Records; each is as likely to be among them as any other. */
      readonly count: number;
      readonly share?: undefined;
      readonly seed?: number | undefined;
    };

const seed = z.int().optional().describe('the same again for the same seed; drawn by default');
const shareOptions = z.strictObject({ share: z.number().min(0).max(1).describe('of the records, 0 to 1'), seed });
const countOptions = z.strictObject({ count: z.int().min(0).describe('records'), seed });

/**
 * Some of the records, by chance, in the order in which they came: about a `share` of them, `sample({ share: 0.01 })`, at once and a run that goes on takes
 * the same; or exactly a `count` (all, where there are no more), `sample({ count: 1000 })`, when all have come. What a seed takes depends on the places of the
 * records in the stream alone. Nothing is decoded. Memory: nothing for a share; for a count up to twice as many records, on the state account (STATE_TOO_LARGE).
 */
export function sample<Row>(given: SampleOptions): Operator<Row, Row> {
  checkArgument('sample', 'options', given, 'object');
  return given.share === undefined ? sampleCountKind.create(given as never, undefined) : sampleShareKind.create(given as never, undefined);
}

export const sampleShareKind = defineOperator<typeof shareOptions>({
  kind: 'sample',
  options: shareOptions,
  keepsNothing: true,
  batch: ({ share, seed }, context) => {
    let draws = new Draws(seed);
    context.keepState({
      save: () => [draws.seed, draws.at],
      load: state => (draws = new Draws(...(state as [number, number]))),
    });
    return batch => {
      const rows = new Uint32Array(batch.length);
      let count = 0;
      for (let row = 0; row < batch.length; row++) if (draws.next() < share) rows[count++] = row;
      return batch.select(rows.slice(0, count));
    };
  },
  reads: () => [],
  schema: input => input,
  title: ({ share }) => `${+(share * 100).toPrecision(12)} %`,
});

export const sampleCountKind = defineOperator<typeof countOptions>({
  kind: 'sample',
  options: countOptions,
  stream: ({ count, seed }, context) =>
    async function* (batches) {
      const reservoir = new Reservoir(count, new Draws(seed), context);
      try {
        for await (const batch of batches) reservoir.add(batch);
        yield* reservoir.result();
      } finally {
        reservoir.close();
      }
    },
  reads: () => [],
  schema: input => input,
  title: ({ count }) => String(count),
});
