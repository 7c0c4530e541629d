import { expect } from 'chai';
import fc from 'fast-check';
import { RecordBatch, type Origin } from '../../lib/core/batch/batch.ts';
import { ArrayColumn } from '../../lib/core/batch/column.ts';
import { type AnyBatch, type AnyRow, Rejected } from '../../lib/core/define.ts';
import { stageOf } from '../../lib/core/run/face.ts';
import { compilePredicate } from '../../lib/query/compile.ts';
import { parseExpression } from '../../lib/query/parse-expression.ts';
import { type Predicate, predicateOf } from '../../lib/query/predicate.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { INT4, INT8, TEXT } from '../../lib/schema/types.ts';
import { filter, filterBy, filterFieldsKind, filterFunctionKind, filterKind } from '../../operators/filter.ts';
import { value, predicate } from '../query/arbitrary.ts';
import { fakeContext } from './fake-context.ts';

const schema = new Schema([
  { name: 'id', type: INT4, nullable: false },
  { name: 'name', type: TEXT, nullable: true },
  { name: 'city', type: TEXT, nullable: true },
]);
const people = [
  { id: 1, name: 'Ada', city: 'NY' },
  { id: 2, name: null, city: 'LA' },
  { id: 3, name: 'Bo', city: null },
  { id: 4, name: 'Cy', city: 'NY' },
];
const where = (condition: unknown): { where: Predicate } => ({ where: predicateOf(condition) });
const selected = (condition: unknown, batch: AnyBatch): AnyBatch =>
  filterKind.definition.batch!(
    where(condition),
    fakeContext({ schema: batch.schemaKnown ? batch.schema : undefined }),
    undefined,
  )(batch) as AnyBatch;

/** A batch that counts how often each column is decoded. */
function counting(rows: readonly Record<string, unknown>[]): { batch: AnyBatch; decoded: number[]; madeRows: () => boolean } {
  const decoded = schema.names.map(() => 0);
  let madeRows = false;
  const origin: Origin = {
    length: rows.length,
    bytes: 1,
    column: (index, type) => ({
      type,
      length: rows.length,
      get: row => {
        decoded[index]!++;
        return rows[row]![schema.names[index]!];
      },
    }),
    rows: view => {
      madeRows = true;
      return view.selection === undefined ? rows : [...view.selection].map(row => rows[row]!);
    },
  };
  return { batch: new RecordBatch(origin, schema), decoded, madeRows: () => madeRows };
}

describe('filter by a predicate', () => {
  it('gives a view of the records for which it holds, in their order', () => {
    const batch = RecordBatch.of(people, schema) as unknown as AnyBatch;
    expect(selected({ city: 'NY' }, batch).rows).to.deep.equal([people[0], people[3]]);
    expect(selected({ or: [{ name: { exists: false } }, { id: { gte: 4 } }] }, batch).rows).to.deep.equal([people[1], people[3]]);
    expect(selected({ city: { ne: 'NY' } }, batch).rows).to.deep.equal([people[1]]);
    expect(selected({}, batch)).to.equal(batch);
    expect(selected({ id: 9 }, batch).length).to.equal(0);
  });

  it('decodes only its columns, and of the second only what the first let through', () => {
    const { batch, decoded, madeRows } = counting(people);
    expect(selected({ id: { gte: 3 }, city: { in: ['NY'] } }, batch).length).to.equal(1);
    expect(decoded).to.deep.equal([4, 0, 2]);
    expect(madeRows()).to.equal(false);
  });

  it('keeps a batch that came empty, with its position', () => {
    const batch = RecordBatch.of<AnyRow>([], schema, { line: 7 });
    const made = selected({ id: 1 }, batch);
    expect(made.length).to.equal(0);
    expect(made.position).to.deep.equal({ line: 7 });
  });

  it('looks at records where nobody knows the schema', () => {
    const batch = RecordBatch.of<AnyRow>([{ id: 1, a: { b: 1 } }, { 'a.b': 1 }, { a: 5 }, {}]);
    expect(selected({ 'a.b': 1 }, batch).rows).to.deep.equal([{ id: 1, a: { b: 1 } }, { 'a.b': 1 }]);
  });

  it('gives the same whether the schema is known, and what the rows themselves say', () => {
    const path = fc.constantFrom(['id'] as const, ['name'] as const, ['city'] as const);
    const record = fc.record({ id: value, name: value, city: value });
    fc.assert(
      fc.property(predicate(path), fc.array(record, { maxLength: 12 }), (condition, records) => {
        const untyped = new Schema(schema.names.map(name => ({ name, type: TEXT, nullable: true })));
        const test = compilePredicate(condition);
        const expected = records.filter(row => test.row(row));
        const run = (batch: AnyBatch): unknown =>
          (filterKind.definition.batch!({ where: condition }, fakeContext(), undefined)(batch) as AnyBatch).rows;
        expect(run(RecordBatch.of<AnyRow>(records, untyped))).to.deep.equal(expected);
        expect(run(RecordBatch.of<AnyRow>(records))).to.deep.equal(expected);
      }),
    );
  });

  it('follows a schema that changes in mid run', () => {
    const run = filterKind.definition.batch!(where({ id: 2 }), fakeContext({ schema }), undefined);
    const swapped = new Schema([
      { name: 'x', type: TEXT, nullable: true },
      { name: 'id', type: { kind: 'numeric' }, nullable: true },
    ]);
    expect((run(RecordBatch.of<AnyRow>(people, schema)) as AnyBatch).rows).to.deep.equal([people[1]]);
    expect(
      (
        run(
          RecordBatch.of<AnyRow>(
            [
              { x: '2', id: '2.0' },
              { x: '2', id: '3' },
            ],
            swapped,
          ),
        ) as AnyBatch
      ).rows,
    ).to.deep.equal([{ x: '2', id: '2.0' }]);
    const overlaid = RecordBatch.of<AnyRow>(people, schema).withColumn('id', new ArrayColumn(INT8, [2, 2n, '2', 3]));
    expect((run(overlaid) as AnyBatch).length).to.equal(2);
  });

  it('says what it reads, and refuses a column that is not there before the first record', () => {
    const { definition } = filterKind;
    expect(definition.reads!(where({ id: 1, or: [{ city: 'x' }] }), undefined)).to.deep.equal(['id', 'city']);
    expect(definition.schema!(schema, where({ id: 1 }), undefined)).to.equal(schema);
    expect(() => definition.schema!(schema, where({ nmae: 1 }), undefined))
      .to.throw('did you mean "name"?')
      .with.property('code', 'COLUMN_UNKNOWN');
    expect(definition.title!(where({ id: { gt: 1 }, city: 'NY' }))).to.equal("id > 1 and city = 'NY'");
  });

  it('has options that can be written as JSON: an expression, the object form, or what became of them', () => {
    const expected = { where: { op: '>', path: ['id'], value: { numeric: '9007199254740993' } } };
    const options = (stage: unknown): unknown => stageOf(stage)?.options;
    expect(options(filter<{ id: number }>({ id: { gt: 9007199254740993n } }))).to.deep.equal(expected);
    expect(options(filterKind.create({ where: 'id > 9007199254740993' }, undefined))).to.deep.equal(expected);
    expect(options(filterKind.create(JSON.parse(JSON.stringify(expected)) as { where: unknown }, undefined))).to.deep.equal(expected);
    expect(options(filterBy(parseExpression('id > 9007199254740993')))).to.deep.equal(expected);
  });

  it('refuses what it can not be, when it is made', () => {
    expect(() => filter({ id: null } as never))
      .to.throw('where.id')
      .with.property('code', 'PREDICATE_INVALID');
    expect(() => filterKind.create({ where: 'id >> 1' }, undefined))
      .to.throw('>>')
      .with.property('code', 'EXPRESSION_INVALID');
    expect(() => filterKind.create({ where: {}, wher: 1 } as never, undefined)).to.throw('no option "wher"; did you mean "where"?');
    expect(() => filterKind.create({} as never, undefined))
      .to.throw('where')
      .with.property('code', 'PREDICATE_INVALID');
    expect(() => filter(['id'] as never))
      .to.throw('filter: argument "keep": found nothing, wanted is a function')
      .with.property('code', 'OPTION_INVALID');
  });
});

describe('filter by a function', () => {
  it('keeps the row itself, or drops it', () => {
    const keep = filterFunctionKind.definition.row!({}, fakeContext(), row => Number(row.id) > 2);
    expect(people.map(row => keep(row))).to.deep.equal([undefined, undefined, people[2], people[3]]);
    expect(keep(people[3]!)).to.equal(people[3]);
    const truthy = filterFunctionKind.definition.row!({}, fakeContext(), row => row.name as unknown as boolean);
    expect(people.map(row => truthy(row) !== undefined)).to.deep.equal([true, false, true, true]);
  });

  it('refuses a promise, which would be true whatever comes of it', () => {
    const keep = filterFunctionKind.definition.row!({}, fakeContext(), (() => Promise.resolve(false)) as unknown as () => boolean);
    expect(keep(people[0]!)).to.be.instanceOf(Rejected).and.to.have.property('code', 'VALUE_INVALID');
  });
});

describe('filter by a function of named fields', () => {
  it('decodes only those, and gives them as an object', () => {
    const { batch, decoded, madeRows } = counting(people);
    const seen: unknown[] = [];
    const run = filterFieldsKind.definition.batch!({ fields: ['city', 'id'] }, fakeContext({ schema }), fields => {
      seen.push(fields);
      return fields.city === 'NY';
    });
    const made = run(batch) as AnyBatch;
    expect(made.length).to.equal(2);
    expect(decoded).to.deep.equal([4, 0, 4]);
    expect(madeRows()).to.equal(false);
    expect(seen[0]).to.deep.equal({ city: 'NY', id: 1 });
    expect(made.rows).to.deep.equal([people[0], people[3]]);
  });

  it('rejects the record for which the function throws, with its reason alone, and goes on', () => {
    const context = fakeContext({ schema });
    const run = filterFieldsKind.definition.batch!({ fields: ['name'] }, context, ({ name }) => (name as string).length > 1);
    const batch = RecordBatch.of<AnyRow>(people, schema);
    expect((run(batch) as AnyBatch).rows).to.deep.equal([people[0], people[2], people[3]]);
    expect(context.rejects).to.have.lengthOf(1);
    expect(context.rejects[0]).to.include({ batch, index: 1, code: 'OPERATOR_THREW' });
    expect(context.rejects[0]?.reason).to.match(/^TypeError: Cannot read/);
  });

  it('refuses a promise, and a column that is not there before the first record', () => {
    const context = fakeContext({ schema });
    const run = filterFieldsKind.definition.batch!({ fields: ['id'] }, context, (() => Promise.resolve(true)) as unknown as () => boolean);
    expect((run(RecordBatch.of<AnyRow>(people, schema)) as AnyBatch).length).to.equal(0);
    expect(context.rejects.map(({ index, code }) => [index, code])).to.deep.equal(people.map((_, index) => [index, 'VALUE_INVALID']));
    expect(() => filterFieldsKind.definition.schema!(schema, { fields: ['nmae'] }, () => true)).to.throw('did you mean "name"?');
  });
});
