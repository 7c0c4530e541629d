import { expect } from 'chai';
import { z } from 'zod';
import { type DeadLetter, from, pipeline, Schema, to } from '../../lib/index.ts';
import { operatorCases } from '../../lib/testing/index.ts';
import { coerce } from '../../operators/coerce.ts';
import { RecordBatch } from '../../lib/core/batch/batch.ts';
import { defineSink } from '../../lib/core/define.ts';
import { LateSchema } from '../../lib/core/run/late-schema.ts';
import { inferSchema } from '../../lib/schema/infer.ts';
import { JsonNumber } from '../../lib/values/json.ts';

interface Reading {
  readonly id: number;
  readonly level: string | null;
  readonly at: string;
}
const readings: Reading[] = Array.from({ length: 12 }, (_, id) => ({
  id,
  level: id % 4 === 0 ? null : `${id}.5`,
  at: `2024-01-0${(id % 9) + 1}T00:00:00.00000${id % 10}Z`,
}));
const schema = new Schema([
  { name: 'id', type: { kind: 'int4' }, nullable: false },
  { name: 'level', type: { kind: 'text' }, nullable: true },
  { name: 'at', type: { kind: 'text' }, nullable: false },
]);

describe('coerce', () => {
  const expected = readings.map(({ id, level, at }) => ({ id: String(id), level: level === null ? null : Number(level), at }));
  for (const { name, run } of operatorCases({
    open: () => coerce<Reading, { id: 'string'; level: 'float' }>({ id: 'string', level: 'float' }),
    input: readings,
    expected,
    schema,
  }))
    it(name, run);

  it('lays the new columns over the old ones, with their types, in their places', async () => {
    const rows: unknown[] = [];
    await pipeline(from.memory(readings, schema), coerce({ at: 'datetime', level: 'decimal' }), to.memory(rows));
    expect(rows).to.have.length(12);
    expect(Object.keys(rows[1] as object)).to.deep.equal(['id', 'level', 'at']);
    expect(rows[1]).to.have.property('level', '1.5');
    expect(JSON.stringify(rows[1])).to.equal('{"id":1,"level":"1.5","at":"2024-01-02T00:00:00.000001Z"}');
  });

  it('rejects each record once, with the first column that fails, and tells no value', async () => {
    const rows: unknown[] = [];
    const letters: DeadLetter[] = [];
    const dirty = [
      { a: 'secret1', b: 'x' },
      { a: '5', b: 'secret2' },
      { a: '6', b: '7' },
      { a: null, b: '8' },
    ];
    const report = await pipeline(from.records(dirty), coerce({ a: 'integer', b: 'float' }), to.memory<object>(rows as object[]), {
      deadLetter: to.memory(letters),
    });
    expect(rows).to.deep.equal([
      { a: 6, b: 7 },
      { a: null, b: 8 },
    ]);
    expect(letters.map(({ code, reason, record }) => ({ code, reason, record }))).to.deep.equal([
      { code: 'COERCION_FAILED', reason: 'column "a" cannot be integer: it is not a whole number', record: dirty[0] },
      { code: 'COERCION_FAILED', reason: 'column "b" cannot be float: it is not a number', record: dirty[1] },
    ]);
    expect(report).to.include({ read: 4, written: 2, rejected: 2 });
  });

  it('stops the run where nothing takes rejects, with the column named', async () => {
    const error = await pipeline(from.records([{ name: 'secret' }]), coerce({ name: 'integer' }), to.null()).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).to.have.property('code', 'COERCION_FAILED');
    expect(error?.message).to.contain('"name"').and.not.contain('secret');
  });

  it('refuses an unknown column before the first record, with the nearest name', async () => {
    const error = await pipeline(from.memory(readings, schema), coerce({ levle: 'float' } as Record<string, 'float'>), to.null()).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).to.have.property('code', 'COLUMN_UNKNOWN');
    expect(error?.message).to.contain('"level"');
  });

  it('refuses an unknown type when it is made', () => {
    expect(() => coerce({ a: 'flaot' } as unknown as Record<string, 'float'>))
      .to.throw('did you mean "float"?')
      .with.property('code', 'OPTION_INVALID');
  });

  it('takes columns of any name, and adds none that a record does not have', async () => {
    const rows: object[] = [];
    const odd = [JSON.parse('{"__proto__":"1","constructor":"2"}'), { other: 1 }] as Record<string, unknown>[];
    await pipeline(
      from.records(odd),
      coerce(JSON.parse('{"__proto__":"integer","constructor":"integer"}') as Record<string, 'integer'>),
      to.memory(rows),
    );
    expect(Object.entries(rows[0] as object)).to.deep.equal([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
    expect(rows[1]).to.deep.equal({ other: 1 });
  });

  it('takes what every object inherits for no field, up to a sink that needs a schema', async () => {
    const lines: string[] = [];
    const rows = [{ constructor: 1, id: 1 }, { id: 2 }, { id: 3, constructor: null }] as unknown as Record<string, unknown>[];
    const kept: object[] = [];
    await pipeline(from.records(rows), coerce({ id: 'string' }), to.memory<object>(kept));
    for (const row of kept) lines.push(JSON.stringify(row));
    expect(lines).to.deep.equal(['{"constructor":1,"id":"1"}', '{"id":"2"}', '{"id":"3","constructor":null}']);
    const late = new LateSchema(inferSchema(rows));
    const fitted = late.fit(RecordBatch.of(rows));
    expect(fitted.rejected).to.deep.equal([]);
    const column = fitted.batch.column('constructor');
    expect([0, 1, 2].map(row => column.get(row))).to.deep.equal([1, null, null]);
  });

  it('gives its types to columns of records that nobody described', async () => {
    const seen: unknown[] = [];
    const sink = defineSink<z.ZodObject>({
      kind: 'seen',
      options: z.strictObject({}),
      open: (_options, { schema, settle }) => {
        seen.push(String(schema));
        const done = (): Promise<void> => Promise.resolve();
        return Promise.resolve({
          write: batch => {
            seen.push(...batch.rows);
            settle(batch);
            return done();
          },
          flush: done,
          commit: () => Promise.resolve(null),
          close: done,
          abort: done,
        });
      },
    });
    const rows = Array.from({ length: 1500 }, (_, i) => ({
      id: i,
      level: i < 1200 ? 1 : 1.5,
      day: '2024-01-01',
      sum: '12.30',
      none: null,
    }));
    await pipeline(
      from.records(rows as { id: number; level: number; day: string; sum: string; none: null }[]),
      coerce({ level: 'float', day: 'date', sum: 'decimal', none: 'integer' }),
      sink.create<object>({}, undefined),
    );
    expect(seen.slice(0, 2)).to.deep.equal([
      'id int8?, level float8?, day date?, sum numeric?, none int8?',
      { id: 0, level: 1, day: '2024-01-01', sum: '12.30', none: null },
    ]);
    expect(seen).to.have.length(1501);
    expect(seen[1500]).to.have.property('level', 1.5);
  });

  it('takes the options of times and bytes', async () => {
    const rows: object[] = [];
    await pipeline(
      from.records([{ a: '31/12/2024', b: 'aGk=', c: '12345678901234567890' }]),
      coerce({ a: 'date', b: 'binary', c: 'json' }, { formats: ['DD/MM/YYYY'], binary: 'base64' }),
      to.memory<object>(rows),
    );
    expect(rows).to.deep.equal([{ a: '2024-12-31', b: Buffer.from('hi'), c: new JsonNumber('12345678901234567890') }]);
  });
});
