// Schemas that are known late, and the positions that wait for them.
import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';
import { MillraceError } from '../../../lib/errors.ts';
import type { Position } from '../../../lib/core/batch/batch.ts';
import { type AnyRow, defineSink, type Writer } from '../../../lib/core/define.ts';
import { stageOf, stagesOf } from '../../../lib/core/run/face.ts';
import { run } from '../../../lib/core/run/run.ts';
import type { SinkStage, Stage } from '../../../lib/core/run/stage.ts';
import { Schema } from '../../../lib/schema/schema.ts';
import { cut } from '../../../lib/testing/case.ts';
import { collector, listSource } from '../../../lib/testing/probes.ts';
import { filter } from '../../../operators/filter.ts';
import { flatMap } from '../../../operators/flat-map.ts';
import { map } from '../../../operators/map.ts';
import { mapAsync } from '../../../operators/map-async.ts';
import { through } from '../../../operators/through.ts';
import { runs } from '../../random.ts';

const none = z.strictObject({});
const schema = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: false },
  { name: 'n', type: { kind: 'int4' }, nullable: true },
]);
const rows = (count: number): AnyRow[] => Array.from({ length: count }, (_, id) => ({ id, n: id }));
const staged = (...faces: unknown[]): Stage[] => faces.flatMap(face => stagesOf(face) ?? []);

interface Typed {
  readonly stage: SinkStage;
  readonly schemas: string[];
  readonly rows: AnyRow[];
  readonly position: () => Position | undefined;
}

/** A sink that needs a schema, and says what it was given. */
function typed(evolve?: Writer['evolve']): Typed {
  const schemas: string[] = [];
  const written: AnyRow[] = [];
  let position: Position | undefined;
  const kind = defineSink<typeof none>({
    kind: 'typed',
    options: none,
    open: (_options, context) => {
      schemas.push(String(context.schema));
      return Promise.resolve({
        write: batch => {
          written.push(...batch.rows);
          return Promise.resolve(context.settle(batch));
        },
        flush: () => Promise.resolve(),
        commit: ({ source }) => {
          position = source;
          return Promise.resolve(null);
        },
        close: () => Promise.resolve(),
        abort: () => Promise.resolve(),
        ...(evolve === undefined
          ? {}
          : {
              evolve: async (wider: Schema) => {
                await evolve(wider);
                schemas.push(String(wider));
              },
            }),
      });
    },
  });
  return { stage: stageOf(kind.create({}, undefined)) as SinkStage, schemas, rows: written, position: () => position };
}

describe('a schema that is known late', () => {
  it('is that of the first thousand records, also where a function left the first of them as they were', async () => {
    const sink = typed();
    const flagged = map((row: AnyRow) => ((row['id'] as number) < 5 ? row : { ...row, flag: true }));
    const report = await run([listSource(cut(rows(20), [2]), schema), ...staged(flagged), sink.stage]);
    expect(sink.schemas).to.deep.equal(['id int8?, n int4?, flag bool?']);
    expect(report).to.include({ written: 20, rejected: 0 });
  });

  it('is that of the batches, where all of them have kept it', async () => {
    const sink = typed();
    await run([listSource(cut(rows(20), [2]), schema), ...staged(map((row: AnyRow) => row)), sink.stage]);
    expect(sink.schemas).to.deep.equal(['id int8, n int4?']);
  });

  it('grows record by record where the sink follows; the others are rejected', async () => {
    const late: AnyRow[] = [{ a: 1.5 }, { a: 'x' }, { a: 2, b: 3 }, { b: 'text' }, { a: 4 }];
    const input = [...Array.from({ length: 1000 }, (_, a) => ({ a })), ...late];
    for (const isFollowing of [true, false]) {
      const sink = typed(isFollowing ? () => Promise.resolve() : undefined);
      const letters = collector({});
      const report = await run([listSource(cut(input, [1000])), sink.stage], { deadLetter: letters.face });
      const rejected = letters.rows.map(letter => (letter as { record: unknown }).record);
      if (isFollowing) {
        expect(sink.schemas).to.deep.equal(['a int8?', 'a numeric?, b int8?']);
        expect(rejected).to.deep.equal([{ a: 'x' }, { b: 'text' }]);
        expect(sink.rows.slice(1000)).to.deep.equal([{ a: 1.5 }, { a: 2, b: 3 }, { a: 4 }]);
      } else {
        expect(rejected).to.deep.equal(late.slice(0, 4));
        expect(sink.rows.slice(1000)).to.deep.equal([{ a: 4 }]);
      }
      expect(report.read).to.equal(report.written + report.rejected);
    }
  });

  it('stays as it is where the sink refuses to follow', async () => {
    const sink = typed(() => Promise.reject(new MillraceError('SCHEMA_MISMATCH', 'no new columns here')));
    const letters = collector({});
    const input = [...Array.from({ length: 1000 }, (_, a) => ({ a })), { a: 1, b: 2 }];
    const report = await run([listSource(cut(input, [1000])), sink.stage], { deadLetter: letters.face });
    expect(report).to.include({ written: 1000, rejected: 1 });
    expect(sink.schemas).to.deep.equal(['a int8?']);
  });

  it('is none where no record comes, or none is left', async () => {
    for (const input of [[], rows(5)]) {
      const sink = typed();
      await run([listSource(cut(input, [2])), ...staged(filter(() => false)), sink.stage]);
      expect(sink.schemas).to.deep.equal(['undefined']);
    }
  });
});

describe('the position that is committed', () => {
  it('is that of the last batch, whatever stands between and whatever is left of it', async () => {
    const operators = {
      'filter by a function': () => filter((row: AnyRow) => (row['id'] as number) % 3 === 0),
      'a filter of nothing': () => filter(() => false),
      'a filter of the first': () => filter((row: AnyRow) => (row['id'] as number) < 2),
      map: () => map((row: AnyRow) => ({ ...row, more: 1 })),
      flatMap: () => flatMap((row: AnyRow) => ((row['id'] as number) % 2 === 0 ? [row, row] : [])),
      mapAsync: () => mapAsync((row: AnyRow) => Promise.resolve(row), { concurrency: 2 }),
      'mapAsync, unordered': () => mapAsync((row: AnyRow) => Promise.resolve(row), { concurrency: 2, ordered: false }),
      through: () =>
        through<AnyRow>(async function* (input) {
          for await (const row of input) if ((row['id'] as number) > 3) yield row;
        }),
    };
    const names = Object.keys(operators) as (keyof typeof operators)[];
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
        fc.array(fc.constantFrom(...names), { maxLength: 4 }),
        fc.boolean(),
        async (count, sizes, line, isKnown) => {
          const pieces = cut(rows(count), sizes);
          const sink = typed();
          await run([listSource(pieces, isKnown ? schema : undefined), ...staged(...line.map(name => operators[name]())), sink.stage], {
            memory: 4096,
            deadLetter: collector({}).face,
          });
          expect(sink.position()).to.deep.equal({ piece: pieces.length - 1 });
        },
      ),
      { numRuns: runs(120) },
    );
  });
});
