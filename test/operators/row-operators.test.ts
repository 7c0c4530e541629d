import { expect } from 'chai';
import fc from 'fast-check';
import { RecordBatch } from '../../lib/core/batch/batch.ts';
import { type AnyBatch, type AnyRow, Rejected } from '../../lib/core/define.ts';
import { from, pipeline, to } from '../../lib/index.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { flatMap, flatMapKind } from '../../operators/flat-map.ts';
import { mapFieldsKind, mapKind } from '../../operators/map.ts';
import { project, projectKind } from '../../operators/project.ts';
import { rename, renameKind } from '../../operators/rename.ts';
import { skipKind } from '../../operators/skip.ts';
import { take, takeKind } from '../../operators/take.ts';
import { tapKind } from '../../operators/tap.ts';
import { fakeContext } from './fake-context.ts';

const schema = new Schema([
  { name: 'id', type: { kind: 'int4' }, nullable: false },
  { name: 'price', type: { kind: 'numeric', precision: 8, scale: 2 }, nullable: true },
]);
const items: AnyRow[] = [
  { id: 1, price: '1.50' },
  { id: 2, price: null },
  { id: 3, price: '10.00' },
];
const batchOf = (rows: readonly AnyRow[] = items): AnyBatch => RecordBatch.of<AnyRow>(rows, schema, { line: 3 });

describe('map over named fields', () => {
  const overlaying = (change: (fields: AnyRow) => unknown, context = fakeContext({ schema })): ((batch: AnyBatch) => AnyBatch) =>
    mapFieldsKind.definition.batch!({ fields: ['price'] }, context, change as (fields: AnyRow) => AnyRow) as (batch: AnyBatch) => AnyBatch;

  it('lays what the function gives over the record, in place of a column or behind the last', () => {
    const made = overlaying(({ price }) => ({ total: Number(price) * 2, id: 'x' }))(batchOf());
    expect(made.rows).to.deep.equal([
      { id: 'x', price: '1.50', total: 3 },
      { id: 'x', price: null, total: 0 },
      { id: 'x', price: '10.00', total: 20 },
    ]);
    expect(made.schema.toString()).to.equal('id text?, price numeric(8,2)?, total int8?');
    expect(items[0]).to.deep.equal({ id: 1, price: '1.50' });
  });

  it('keeps the type of a column whose new values fit it', () => {
    expect(overlaying(({ price }) => ({ price: price ?? '0' }))(batchOf()).schema.toString()).to.equal('id int4, price numeric(8,2)?');
    expect(overlaying(() => ({ price: 'free' }))(batchOf()).schema.toString()).to.equal('id int4, price text?');
  });

  it('gives all batches the columns and types of the first, and rejects a record that does not fit', () => {
    const context = fakeContext({ schema });
    let results: AnyRow[] = [{ a: 1 }, { a: 2 }, { a: 3 }];
    const run = overlaying(() => results.shift() as AnyRow, context);
    expect(run(batchOf()).schema.names).to.deep.equal(['id', 'price', 'a']);
    results = [{ a: 'text' }, {}, { a: 5 }];
    const second = run(batchOf());
    expect(second.rows).to.deep.equal([
      { ...items[1], a: null },
      { ...items[2], a: 5 },
    ]);
    expect(context.rejects.map(({ index, code, reason }) => [index, code, reason])).to.deep.equal([
      [0, 'SCHEMA_MISMATCH', 'column "a": a string where the first records had int8'],
    ]);
    results = [{}, {}, {}];
    expect(run(batchOf()).schema.toString()).to.equal('id int4, price numeric(8,2)?, a int8?');
  });

  it('rejects the record for which the function throws, gives a promise, or nothing', () => {
    const context = fakeContext({ schema });
    const gives = [() => Promise.resolve({}), () => undefined, () => [1]];
    const made = overlaying(() => gives.shift()!(), context)(batchOf());
    expect(made.length).to.equal(0);
    expect(context.rejects.map(({ code }) => code)).to.deep.equal(['VALUE_INVALID', 'VALUE_INVALID', 'VALUE_INVALID']);
    const throwing = fakeContext({ schema });
    expect(overlaying(({ price }) => ({ n: (price as string).length }), throwing)(batchOf()).rows).to.deep.equal([
      { ...items[0], n: 4 },
      { ...items[2], n: 5 },
    ]);
    expect(throwing.rejects.map(({ index, code }) => [index, code])).to.deep.equal([[1, 'OPERATOR_THREW']]);
  });

  it('merges records whose schema nobody knows, and takes names that every object inherits for names', () => {
    const made = overlaying(() => ({ constructor: 1 }))(RecordBatch.of<AnyRow>([{ price: 1, x: 2 }]));
    expect(made.rows).to.deep.equal([{ price: 1, x: 2, constructor: 1 }]);
    const results: AnyRow[] = [{ constructor: 1 }, {}, { constructor: 3 }];
    expect(overlaying(() => results.shift())(batchOf()).rows.map(row => row.constructor)).to.deep.equal([1, null, 3]);
  });

  it('refuses a field that is not there before the first record', () => {
    expect(() => mapFieldsKind.definition.schema!(schema, { fields: ['prcie'] }, row => row)).to.throw('did you mean "price"?');
    expect(mapFieldsKind.definition.schema!(schema, { fields: ['price'] }, row => row)).to.equal(undefined);
  });
});

describe('map, tap', () => {
  it('give another row, and the same', () => {
    const map = mapKind.definition.row!({}, fakeContext(), row => ({ n: row.id }));
    expect(items.map(row => map(row))).to.deep.equal([{ n: 1 }, { n: 2 }, { n: 3 }]);
    const seen: AnyRow[] = [];
    const tap = tapKind.definition.row!({}, fakeContext(), row => void seen.push(row));
    for (const row of items) expect(tap(row)).to.equal(row);
    expect(seen).to.deep.equal(items);
  });

  it('refuse a promise and nothing', () => {
    for (const given of [Promise.resolve({}), undefined, null]) {
      const map = mapKind.definition.row!({}, fakeContext(), () => given as unknown as AnyRow);
      expect(map(items[0]!)).to.be.instanceOf(Rejected).with.property('code', 'VALUE_INVALID');
    }
  });
});

describe('project, rename', () => {
  it('give views of the columns, and say the schema beforehand', () => {
    const columns = ['price', 'id'];
    const made = projectKind.definition.batch!({ columns }, fakeContext(), undefined)(batchOf()) as AnyBatch;
    expect(made.rows.map(row => Object.keys(row))).to.deep.equal(items.map(() => columns));
    expect(made.position).to.deep.equal({ line: 3 });
    expect(projectKind.definition.schema!(schema, { columns }, undefined)?.toString()).to.equal(made.schema.toString());
    expect(() => projectKind.definition.schema!(schema, { columns: ['di'] }, undefined)).to.throw('did you mean "id"?');
  });

  it('rename all at once, so that two names can be swapped', () => {
    const columns = [
      { name: 'id', as: 'price' },
      { name: 'price', as: 'id' },
    ];
    const made = renameKind.definition.batch!({ columns }, fakeContext(), undefined)(batchOf()) as AnyBatch;
    expect(made.rows[0]).to.deep.equal({ price: 1, id: '1.50' });
    const schemaOf = (name: string, as: string): Schema | undefined =>
      renameKind.definition.schema!(schema, { columns: [{ name, as }] }, undefined);
    expect(renameKind.definition.schema!(schema, { columns }, undefined)?.names).to.deep.equal(['price', 'id']);
    expect(() => schemaOf('id', 'price'))
      .to.throw()
      .with.property('code', 'COLUMN_DUPLICATE');
    expect(() => schemaOf('di', 'x')).to.throw('did you mean "id"?');
  });

  it('take names that every object inherits for names, whether the schema is known or not', async () => {
    const row = JSON.parse('{"__proto__":1,"constructor":2,"id":3}') as AnyRow;
    const known = new Schema(['__proto__', 'constructor', 'id'].map(name => ({ name, type: { kind: 'int4' }, nullable: true })));
    for (const source of [from.records([row]), from.memory([row], known)]) {
      const rows: AnyRow[] = [];
      const names = JSON.parse('{"__proto__":"toString","constructor":"__proto__"}') as Record<string, string>;
      await pipeline(source, rename(names), project('__proto__', 'toString'), to.memory<object>(rows));
      expect(JSON.stringify(rows)).to.equal('[{"__proto__":2,"toString":1}]');
    }
  });

  it('leave records where they stood, for messages and dead letters, also where the schema is found late', () => {
    const batch = RecordBatch.of<AnyRow>([{ a: 1 }, { a: 2 }], undefined, { line: 9 }, 10, row => ({ line: row + 1 }));
    const renamed = batch.rename({ a: 'b' });
    expect([renamed.locate(0), renamed.project(['b']).locate(1)]).to.deep.equal([{ line: 1 }, { line: 2 }]);
  });
});

describe('take, skip', () => {
  const rows = Array.from({ length: 30 }, (_, id) => ({ id, price: null }));
  const through = (run: (batch: AnyBatch) => AnyBatch, cuts: readonly number[]): AnyRow[] => {
    const given: AnyRow[] = [];
    let at = 0;
    for (const cut of [...cuts, rows.length]) {
      given.push(...run(batchOf(rows.slice(at, at + cut))).rows);
      at += cut;
    }
    return given;
  };

  it('cut where an array is cut, however the records come', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }), (count, cuts) => {
        const taking = takeKind.definition.batch!({ count }, fakeContext(), undefined) as (batch: AnyBatch) => AnyBatch;
        const skipping = skipKind.definition.batch!({ count }, fakeContext(), undefined) as (batch: AnyBatch) => AnyBatch;
        expect(through(taking, cuts)).to.deep.equal(rows.slice(0, count));
        expect(through(skipping, cuts)).to.deep.equal(rows.slice(count));
      }),
    );
  });

  it('ask for no more once there is enough, and at once for none', () => {
    const context = fakeContext();
    const run = takeKind.definition.batch!({ count: 2 }, context, undefined);
    expect(context.stops).to.equal(0);
    void run(batchOf());
    expect(context.stops).to.be.greaterThan(0);
    const none = fakeContext();
    takeKind.definition.batch!({ count: 0 }, none, undefined);
    expect(none.stops).to.equal(1);
  });

  it('go on from a saved state', () => {
    const context = fakeContext();
    const run = takeKind.definition.batch!({ count: 4 }, context, undefined);
    void run(batchOf());
    const saved = context.kept.state!.save();
    const again = fakeContext();
    const resumed = takeKind.definition.batch!({ count: 4 }, again, undefined);
    again.kept.state!.load(saved!);
    expect((resumed(batchOf()) as AnyBatch).rows).to.deep.equal([items[0]]);
  });

  it('refuse a count that is none', () => {
    for (const count of [-1, 1.5, Number.NaN])
      expect(() => take(count))
        .to.throw()
        .with.property('code', 'OPTION_INVALID');
  });
});

describe('flatMap', () => {
  const expanding = async (
    expand: (row: AnyRow) => Iterable<AnyRow>,
    context = fakeContext({ batchRows: 2 }),
    batches = [batchOf()],
  ): Promise<AnyBatch[]> => {
    const made: AnyBatch[] = [];
    const input = (async function* (): AsyncGenerator<AnyBatch> {
      for (const batch of batches) yield await Promise.resolve(batch);
    })();
    for await (const batch of flatMapKind.definition.stream!({}, context, expand)(input)) made.push(batch);
    return made;
  };

  it('gives what each record gives, in batches that are not too long, and counts what it makes and drops', async () => {
    const context = fakeContext({ batchRows: 2 });
    const made = await expanding(({ id }) => Array.from({ length: id === 2 ? 0 : Number(id) }, (_, n) => ({ id, n })), context);
    expect(made.flatMap(batch => batch.rows)).to.deep.equal([
      { id: 1, n: 0 },
      { id: 3, n: 0 },
      { id: 3, n: 1 },
      { id: 3, n: 2 },
    ]);
    expect(made.map(batch => batch.length)).to.deep.equal([2, 2]);
    expect(context.counts).to.deep.include({ made: 2, dropped: 1 });
  });

  it('takes the records of an endless expansion as they are asked for, and none behind them', async () => {
    let taken = 0;
    const context = fakeContext({ batchRows: 2 });
    const endless = function* (): Generator<AnyRow> {
      for (;;) yield { n: taken++ };
    };
    const input = (async function* (): AsyncGenerator<AnyBatch> {
      yield await Promise.resolve(batchOf());
    })();
    const output = flatMapKind.definition.stream!({}, context, endless)(input)[Symbol.asyncIterator]();
    expect((await output.next()).value.rows).to.deep.equal([{ n: 0 }, { n: 1 }]);
    expect((await output.next()).value.rows).to.deep.equal([{ n: 2 }, { n: 3 }]);
    expect(taken).to.equal(4);
    await output.return!();
    expect(taken).to.equal(4);
    expect(context.counts.made).to.equal(3);
  });

  it('keeps the law of conservation where a stage behind it has enough', async () => {
    const report = await pipeline(
      from.records([{ id: 1 }, { id: 2 }]),
      flatMap(row => Array.from({ length: 20_000 }, () => row)),
      take(5000),
      to.null(),
    );
    expect(report.written).to.equal(5000);
    expect(report.read + report.made).to.equal(report.written + report.dropped + report.rejected);
    for (const stage of report.stages.filter(({ kind }) => kind === 'flatMap' || kind === 'take')) {
      expect(stage.in + stage.made, stage.kind).to.equal(stage.out + stage.dropped + stage.rejected);
    }
  });

  it('rejects a record whose function throws in the middle, keeps what it gave, and goes on', async () => {
    const context = fakeContext({ batchRows: 10 });
    const made = await expanding(function* ({ id }) {
      yield { id };
      if (id === 2) throw new Error('broken');
      yield { id };
    }, context);
    expect(made.flatMap(batch => batch.rows.map(row => row.id))).to.deep.equal([1, 1, 2, 3, 3]);
    expect(context.rejects.map(({ index, code, reason }) => [index, code, reason])).to.deep.equal([[1, 'OPERATOR_THREW', 'Error: broken']]);
    expect(items.length + context.counts.made).to.equal(5 + context.counts.dropped + context.rejects.length);
  });
});
