import { expect } from 'chai';
import { memory } from '../../sources/memory.ts';
import { postgres } from '../../sources/postgres.ts';
import { file } from '../../sources/file.ts';
import type { Source } from '../../lib/core/contracts.ts';
import { runStages } from '../../lib/core/run/pipeline.ts';
import { verify } from '../../lib/migration/verify.ts';
import { type Field, Schema } from '../../lib/schema/schema.ts';
import type { DataType } from '../../lib/schema/types.ts';
import { failingSource } from '../../lib/testing/probes.ts';
import { sourceFace } from '../../lib/core/run/face.ts';
import { file as toFile } from '../../sinks/file.ts';
import { folderFor } from '../cli/millrace.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import path from 'node:path';

type Row = Record<string, unknown>;
const typed = (...fields: readonly [string, DataType['kind'], Partial<Field>?][]): Schema =>
  new Schema(fields.map(([name, kind, more]) => ({ name, type: { kind }, nullable: true, ...more })));
const of = (rows: readonly Row[], schema: Schema): Source<Row> => memory<Row>(rows, schema);
const columnOf = (values: readonly unknown[], kind: DataType['kind'], more: Partial<Field> = {}): Source<Row> =>
  of(
    values.map(v => ({ v })),
    typed(['v', kind, more]),
  );
const isEqual = async (a: Source<Row>, b: Source<Row>): Promise<boolean> => (await verify(a, b)).equal;

describe('verify', () => {
  const schema = typed(['id', 'int4'], ['t', 'text'], ['n', 'numeric']);
  const rows = Array.from({ length: 5000 }, (_, id): Row => ({ id, t: id % 7 === 0 ? null : `t${id % 100}`, n: `${id}.50` }));

  it('is equal whatever the order, and tells one differing value among many', async () => {
    const same = await verify(of(rows, schema), of(rows.toReversed(), schema));
    expect(same).to.include({ equal: true, recordsEqual: true });
    expect(same.records).to.deep.equal([5000, 5000]);
    const other = await verify(of(rows, schema), of(rows.with(1234, { ...rows[1234], t: 'T' }), schema));
    expect(other.equal).to.equal(false);
    expect(other.columns.map(column => column.equal)).to.deep.equal([true, false, true]);
  });

  it('counts records that stand there twice, and sees values that changed places', async () => {
    expect(await isEqual(columnOf(['a', 'a', 'b'], 'text'), columnOf(['a', 'b', 'b'], 'text'))).to.equal(false);
    expect(await isEqual(columnOf(['a', 'b', 'a'], 'text'), columnOf(['a', 'a', 'b'], 'text'))).to.equal(true);
    const pair = typed(['a', 'int4'], ['b', 'int4']);
    const swapped = await verify(
      of(
        [
          { a: 1, b: 1 },
          { a: 2, b: 2 },
        ],
        pair,
      ),
      of(
        [
          { a: 1, b: 2 },
          { a: 2, b: 1 },
        ],
        pair,
      ),
    );
    expect(swapped.columns.every(column => column.equal)).to.equal(true);
    expect(swapped).to.include({ equal: false, recordsEqual: false });
  });

  it('tells null from the empty text, -0 from 0, microseconds, digits behind the point', async () => {
    const cases: readonly (readonly [unknown, unknown, DataType['kind']])[] = [
      [null, '', 'text'],
      [null, 'null', 'text'],
      [-0, 0, 'float8'],
      ['1.0', '1.00', 'numeric'],
      ['2024-01-01T00:00:00.000001', '2024-01-01T00:00:00', 'timestamp'],
      [true, false, 'bool'],
      [{ a: 1 }, { a: '1' }, 'jsonb'],
    ];
    for (const [a, b, kind] of cases) expect(await isEqual(columnOf([a], kind), columnOf([b], kind)), String(a)).to.equal(false);
    expect(await isEqual(columnOf([NaN, -0], 'float8'), columnOf([-0, NaN], 'float8'))).to.equal(true);
    expect(await isEqual(columnOf([{ a: 1, b: [2] }], 'jsonb'), columnOf([{ b: [2], a: 1 }], 'json'))).to.equal(true);
  });

  it('compares numbers of two types by value, and text of files as the other side has it', async () => {
    expect(await isEqual(columnOf([7, null], 'int4'), columnOf([null, 7n], 'int8'))).to.equal(true);
    expect(await isEqual(columnOf([7, 0.5], 'float8'), columnOf(['0.50', '7.00'], 'numeric'))).to.equal(true);
    expect(await isEqual(columnOf([9007199254740993n], 'int8'), columnOf([9007199254740992], 'float8'))).to.equal(false);
    const csv = (...values: readonly unknown[]): Source<Row> => columnOf(values, 'text', { untyped: true });
    expect(await isEqual(csv('7', 'x'), columnOf([7, 8], 'int4'))).to.equal(false);
    expect(await isEqual(csv('1.50', 'NaN'), columnOf([NaN, 1.5], 'float8'))).to.equal(true);
    expect(await isEqual(csv('\\x6162'), columnOf([Buffer.from('ab')], 'bytea'))).to.equal(true);
    expect(await isEqual(csv('2024-01-01 02:00:00+02'), columnOf([new Date('2024-01-01T00:00:00Z')], 'timestamptz'))).to.equal(true);
    expect(await isEqual(csv('07'), csv('7'))).to.equal(false);
    const json = (kind: DataType['kind'], ...values: readonly unknown[]): Source<Row> => columnOf(values, kind, { inferred: true });
    expect(await isEqual(csv('7', '0.50', null), json('float8', 0.5, 7, null))).to.equal(true);
    expect(await isEqual(csv('true', 'x'), json('text', 'x', 'true'))).to.equal(true);
    expect(await isEqual(csv('true'), json('bool', true))).to.equal(true);
    expect(await isEqual(csv('{"b": 1, "a": [1.0]}'), json('jsonb', { a: [1], b: 1 }))).to.equal(true);
    expect(await isEqual(json('int8', 7), columnOf([7n], 'int8'))).to.equal(true);
    expect(await isEqual(json('text', '5'), columnOf(['5'], 'jsonb'))).to.equal(true);
  });

  it('names columns that one side lacks', async () => {
    const found = await verify(
      of([{ a: 1, b: 2 }], typed(['a', 'int4'], ['b', 'int4'])),
      of([{ a: 1, c: 2 }], typed(['c', 'int4'], ['a', 'int4'])),
    );
    expect(found).to.deep.include({ equal: false, onlyInA: ['b'], onlyInB: ['c'] });
    expect(found.columns).to.have.length(1);
  });

  it('finds by the key which records differ, and in what, though little fits into memory', async () => {
    const changed = rows.with(10, { ...rows[10], t: 'x', n: '0' }).filter(row => row['id'] !== 20);
    const found = await verify(of(rows, schema), of([...changed.toReversed(), { id: 5001, t: null, n: null }, rows[30]!], schema), {
      key: ['id'],
      stateMemory: 50_000,
    });
    expect(found.differences).to.deep.equal({
      onlyInA: 1,
      onlyInB: 2,
      different: 1,
      shown: [
        { key: ['10'], found: 'different', columns: ['t', 'n'] },
        { key: ['20'], found: 'only in a' },
        { key: ['30'], found: 'only in b' },
        { key: ['5001'], found: 'only in b' },
      ],
    });
    const few = await verify(of(rows, schema), of([], schema), { key: ['id'], shown: 2 });
    expect(few.differences).to.include({ onlyInA: 5000, onlyInB: 0, different: 0 });
    expect(few.differences?.shown).to.have.length(2);
    const wrong = await verify(of(rows, schema), of(rows, schema), { key: ['iid'] }).catch((error: unknown) => error);
    expect(wrong).to.include({ code: 'COLUMN_UNKNOWN' });
  });

  it('fails with the error of the side that fails, before and after the other one has begun', async () => {
    for (const after of [0, 1]) {
      const failing = sourceFace<Row>(failingSource([[{ v: 1 }], [{ v: 2 }]], after, typed(['v', 'int4'])));
      for (const sides of [
        [failing, columnOf([1], 'int4')],
        [columnOf([1], 'int4'), failing],
      ] as const) {
        const error = await verify(...sides).catch((thrown: unknown) => thrown as Error);
        expect(error).to.include({ message: 'the source fails' });
      }
    }
  });

  it('finds a table, its copy, and its files equal', async function () {
    this.timeout(60_000);
    const url = await freshDatabase('verify');
    await sql(
      url,
      `CREATE TABLE a (id int, big int8, n numeric, f float8, b bool, t text, ts timestamptz, d date, x bytea, j jsonb, u uuid);
       INSERT INTO a SELECT i, 9007199254740993 + i, i / 7.0, CASE i % 4 WHEN 0 THEN 'NaN' ELSE i / 3.0 END, i % 2 = 0, CASE i % 5 WHEN 0 THEN '' WHEN 1 THEN NULL
         ELSE 'ü"' || i END, '2024-01-01Z'::timestamptz + i * interval '1 microsecond', '2024-01-01'::date + i, ('\\x' || lpad(to_hex(i), 8, '0'))::bytea,
         jsonb_build_object('z', i, 'a', ARRAY[i]), md5(i::text)::uuid FROM generate_series(1, 2000) i;
       CREATE TABLE b AS SELECT * FROM a ORDER BY t`,
    );
    const folder = folderFor({ after });
    const table = (name: string): Source<Row> => postgres<Row>({ url, table: name, int8: 'bigint' });
    for (const name of ['a.csv', 'a.ndjson']) await runStages([table('a'), toFile(path.join(folder, name))]);
    for (const copy of [table('b'), file<Row>(path.join(folder, 'a.csv')), file<Row>(path.join(folder, 'a.ndjson'))]) {
      const found = await verify(table('a'), copy);
      expect(found.columns.filter(column => !column.equal)).to.deep.equal([]);
      expect(found.equal).to.equal(true);
    }
    await sql(url, `UPDATE b SET ts = ts + interval '1 microsecond' WHERE id = 77`);
    expect((await verify(table('a'), table('b'), { key: ['id'] })).differences).to.deep.equal({
      onlyInA: 0,
      onlyInB: 0,
      different: 1,
      shown: [{ key: ['77'], found: 'different', columns: ['ts'] }],
    });
  });

  it('takes a file without records for one that lacks no columns', async () => {
    const folder = folderFor({ after });
    const name = path.join(folder, 'empty.ndjson');
    await runStages([of([], schema), toFile(name)], {});
    const [empty, other] = [file<Row>(name), file<Row>(name)];
    for (const [a, b] of [
      [empty, other],
      [of([], schema), empty],
      [empty, of([], schema)],
    ] as const)
      expect(await verify(a, b, { key: ['id'] })).to.deep.include({ equal: true, records: [0, 0], onlyInA: [], onlyInB: [] });
    const { equal, records, differences } = await verify(empty, of(rows.slice(0, 2), schema), { key: ['id'] });
    expect([equal, records, differences?.onlyInB]).to.deep.equal([false, [0, 2], 2]);
  });

  it('names keys as a person writes numbers, where the sides have two types of them', async () => {
    const side = (kind: 'int4' | 'numeric', ids: readonly unknown[], n: string): Source<object> =>
      memory<object>(
        ids.map(id => ({ id, n })),
        new Schema([
          { name: 'id', type: { kind }, nullable: false },
          { name: 'n', type: { kind: 'text' }, nullable: false },
        ]),
      );
    const { differences } = await verify(side('int4', [101, -20, 0], 'x'), side('numeric', ['101.0', '-20', '0'], 'y'), { key: ['id'] });
    expect(differences?.shown.map(({ key }) => key[0]).sort()).to.deep.equal(['-20', '0', '101']);
  });
});
