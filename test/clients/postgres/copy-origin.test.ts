import { expect } from 'chai';
import * as fc from 'fast-check';
import { type CopyRows, FrameGatherer } from '../../../lib/clients/postgres/read/copy-frames.ts';
import { type CopyColumn, CopyLayout } from '../../../lib/clients/postgres/read/copy-layout.ts';
import { PgCopyOrigin } from '../../../lib/clients/postgres/read/copy-origin.ts';
import { ArrayColumn } from '../../../lib/core/batch/column.ts';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import { Schema } from '../../../lib/schema/schema.ts';
import type { DataType } from '../../../lib/schema/types.ts';
import { runs } from '../../random.ts';

const OPTIONS = { int8: 'number', numeric: 'text' } as const;
const COLUMNS: CopyColumn[] = [
  { name: 'id', type: { kind: 'int4' }, wire: 'binary', isPortable: true },
  { name: 'name', type: { kind: 'text' }, wire: 'binary', isPortable: true },
  { name: 'ok', type: { kind: 'bool' }, wire: 'binary', isPortable: true },
  { name: 'note', type: { kind: 'text' }, wire: 'binary', isPortable: true },
];
type Row = { id: number | null; name: string | null; ok: boolean | null; note: string | null };
const row: fc.Arbitrary<Row> = fc.record({
  id: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  name: fc.option(fc.string({ unit: 'binary', maxLength: 40 })),
  ok: fc.option(fc.boolean()),
  note: fc.option(fc.string({ maxLength: 3 })),
});

describe('rows of a COPY', () => {
  it('come out the same however the socket cuts them, and whatever stands between them', () => {
    const message = fc.oneof(
      { weight: 9, arbitrary: row.map(frameOf) },
      { weight: 1, arbitrary: fc.constant(frame(0x4e, Buffer.from('Snotice\0\0'))) },
    );
    const limits = fc.record({ batchRows: fc.integer({ min: 1, max: 9 }), batchBytes: fc.integer({ min: 1, max: 400 }) });
    const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 40 }),
        limits,
        cuts,
        fc.nat(5),
        (messages, { batchRows, batchBytes }, sizes, flushEvery) => {
          const rows = messages.filter(bytes => bytes[0] === 0x64);
          const stream = Buffer.concat([
            frame(0x48, Buffer.alloc(3)),
            ...withHeader(messages),
            frame(0x63, Buffer.alloc(0)),
            frame(0x43, Buffer.from('COPY\0')),
          ]);
          const found: CopyRows[] = [];
          const others: number[] = [];
          const gatherer = new FrameGatherer(
            { batchRows, batchBytes },
            { rows: batch => found.push(batch), other: type => others.push(type) },
          );
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = sizes[i % sizes.length] as number;
            gatherer.push(Buffer.from(stream.subarray(at, at + size)));
            at += size;
            if (flushEvery > 0 && i % flushEvery === 0) gatherer.flush();
          }
          gatherer.flush();
          expect(Buffer.concat(found.map(batch => batch.bytes)).equals(Buffer.concat(rows))).to.equal(true);
          expect(found.flatMap(({ bytes, starts }) => [...starts].map(start => bytes[start]))).to.deep.equal(rows.map(() => 0x64));
          expect(found.every(({ starts }) => starts.length > 0 && starts.length <= batchRows && starts[0] === 0)).to.equal(true);
          expect(found.every(({ starts }) => starts.length === 1 || (starts.at(-1) as number) < batchBytes)).to.equal(true);
          expect(others).to.deep.equal([0x48, ...messages.flatMap(bytes => (bytes[0] === 0x4e ? [0x4e] : [])), 0x63, 0x43]);
        },
      ),
      { numRuns: runs(300) },
    );
  });

  it('lie in the same memory again once they are given back, also where they are so short that a batch fills little of it', () => {
    const short = (id: number): Buffer => frameOf({ id, name: null, ok: true, note: null });
    const batches: CopyRows[] = [];
    const gatherer = new FrameGatherer(
      { batchRows: 10, batchBytes: 100_000 },
      { rows: rows => batches.push(rows), other: () => undefined },
    );
    gatherer.push(Buffer.concat(withHeader([])));
    const memories = new Set<ArrayBufferLike>();
    for (let batch = 0; batch < 20; batch++) {
      const rows = Array.from({ length: 10 }, (_, i) => short(batch * 10 + i));
      gatherer.push(Buffer.concat(rows));
      const [got] = batches.splice(0) as [CopyRows];
      expect(got.bytes.equals(Buffer.concat(rows))).to.equal(true);
      expect([...got.starts]).to.deep.equal(rows.map((_, i) => i * (rows[0] as Buffer).length));
      memories.add(got.bytes.buffer);
      got.memory?.giveBack();
    }
    expect(memories.size).to.equal(1);
    expect([...memories][0]?.byteLength).to.be.below(1000);
    gatherer.push(Buffer.concat(Array.from({ length: 20 }, (_, i) => short(i))));
    expect(new Set(batches.map(({ bytes }) => bytes.buffer)).size).to.equal(2);
  });

  it('refuse what is no COPY data in binary form', () => {
    const gatherer = new FrameGatherer({ batchRows: 9, batchBytes: 99 }, { rows: () => undefined, other: () => undefined });
    expect(() => gatherer.push(frame(0x64, Buffer.from('1\ttext format\n and more of it')))).to.throw('no COPY data');
  });

  it('show the same by rows, by columns, as bytes and compacted, through any views', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 30 }), fc.array(step, { maxLength: 5 }), (rows, steps) => {
        let batch: RecordBatch = batchOf(rows);
        let expected: Record<string, unknown>[] = rows;
        for (const change of steps) [batch, expected] = change(batch, expected);
        expect(batch.rows).to.deep.equal(expected);
        for (const name of batch.schema.names) {
          const column = batch.column(name);
          expect(Array.from({ length: batch.length }, (_, i) => column.get(i))).to.deep.equal(expected.map(record => record[name]));
        }
        const columns = batch.schema.fields.map(({ name, type }): CopyColumn => ({ name, type, wire: 'binary', isPortable: true }));
        const bytes = Buffer.concat(batch.encoded('pg-copy') as Uint8Array[]);
        const again = new RecordBatch(new PgCopyOrigin({ bytes, starts: startsOf(bytes) }, new CopyLayout(columns, OPTIONS)), batch.schema);
        expect(again.rows).to.deep.equal(expected);
        const compacted = batch.compact();
        expect(compacted.rows).to.deep.equal(expected);
        expect(Object.keys(compacted.rows[0] ?? {})).to.deep.equal(expected.length === 0 ? [] : batch.schema.names);
        expect(compacted.encoded('pg-copy')).to.not.equal(undefined);
      }),
      { numRuns: runs(300) },
    );
  });

  it('pass whole and selected rows on without touching them, neighbours in one piece', () => {
    const batch = batchOf(Array.from({ length: 200 }, (_, id) => ({ id, name: 'x'.repeat(1000), ok: true, note: null })));
    const [whole] = batch.encoded('pg-copy') as Uint8Array[];
    const pieces = batch.select(Uint32Array.from({ length: 190 }, (_, i) => (i < 95 ? i : i + 5))).encoded('pg-copy') as Uint8Array[];
    expect(pieces.map(piece => piece.buffer === whole?.buffer)).to.deep.equal([true, true]);
    expect(pieces.reduce((sum, piece) => sum + piece.length, 0)).to.equal(((whole?.length ?? 0) / 200) * 190);
    expect(batch.select(Uint32Array.of(1, 5, 9)).encoded('pg-copy')).to.have.length(1);
  });

  it('do not pass as bytes what another server would read otherwise', () => {
    const pair: DataType = { kind: 'other', name: 'public.pair' };
    const columns: CopyColumn[] = [COLUMNS[0] as CopyColumn, { name: 'p', type: pair, wire: 'text', isPortable: false }];
    const bytes = frame(0x64, Buffer.from([0, 2, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 2, 0x28, 0x29]));
    const schema = new Schema(columns.map(({ name, type }) => ({ name, type, nullable: true })));
    const batch = new RecordBatch(new PgCopyOrigin({ bytes, starts: Uint32Array.of(0) }, new CopyLayout(columns, OPTIONS)), schema);
    expect(batch.rows).to.deep.equal([{ id: 7, p: '()' }]);
    expect(batch.encoded('pg-copy')).to.equal(undefined);
    expect(batch.encoded('csv')).to.equal(undefined);
    expect(batch.project(['id']).encoded('pg-copy')).to.have.length(1);
    const retyped = batch.project(['id']).withSchema(new Schema([{ name: 'id', type: { kind: 'int8' }, nullable: true }]));
    expect(retyped.encoded('pg-copy')).to.equal(undefined);
    expect(batch.withColumn('p', new ArrayColumn(pair, ['(1)'])).compact().rows).to.deep.equal([{ id: 7, p: '(1)' }]);
  });

  it('keep nothing alive but what they show, once compacted', () => {
    const batch = batchOf(Array.from({ length: 1000 }, (_, id) => ({ id, name: 'x'.repeat(1000), ok: true, note: null })));
    expect(batch.bytes).to.be.above(1_000_000);
    expect(batch.select(Uint32Array.of(3)).project(['id']).compact().bytes).to.be.below(100);
  });
});

type Step = (batch: RecordBatch, rows: Record<string, unknown>[]) => [RecordBatch, Record<string, unknown>[]];

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.func(fc.boolean()).map((keep): Step => (batch, rows) => {
    const kept = rows.flatMap((_, i) => (keep(i) ? [i] : []));
    return [batch.select(Uint32Array.from(kept)), kept.map(i => rows[i] as Record<string, unknown>)];
  }),
  fc.nat().map((seed): Step => (batch, rows) => {
    const names = batch.schema.names
      .filter((_, i) => i === seed % batch.schema.names.length || (seed >> i) % 3 !== 0)
      .sort((a, b) => (a < b === (seed % 2 === 0) ? -1 : 1));
    return [batch.project(names), rows.map(record => Object.fromEntries(names.map(name => [name, record[name]])))];
  }),
  fc.nat().map((seed): Step => (batch, rows) => {
    const name = batch.schema.names[seed % batch.schema.names.length] as string;
    const to = `${name}_${seed % 7}`;
    if (batch.schema.has(to)) return [batch, rows];
    return [
      batch.rename({ [name]: to }),
      rows.map(record => Object.fromEntries(Object.entries(record).map(([key, value]) => [key === name ? to : key, value]))),
    ];
  }),
  fc.nat().map((seed): Step => (batch, rows) => {
    const name = seed % 2 === 0 ? 'laid over' : (batch.schema.names[seed % batch.schema.names.length] as string);
    const values = rows.map((_, i) => (i % 3 === 0 ? null : `${seed}/${i}`));
    const after = rows.map((record, i) => ({ ...record, [name]: values[i] }));
    return [batch.withColumn(name, new ArrayColumn({ kind: 'text' }, values)), after];
  }),
);

function batchOf(rows: readonly Row[]): RecordBatch {
  const bytes = Buffer.concat(rows.map(frameOf));
  const schema = new Schema(COLUMNS.map(({ name, type }) => ({ name, type, nullable: true })));
  return new RecordBatch(new PgCopyOrigin({ bytes, starts: startsOf(bytes) }, new CopyLayout(COLUMNS, OPTIONS)), schema);
}

function frameOf({ id, name, ok, note }: Row): Buffer {
  const int = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const field = (bytes: Buffer | null): Buffer[] => (bytes === null ? [int(-1)] : [int(bytes.length), bytes]);
  const text = (value: string | null): Buffer | null => (value === null ? null : Buffer.from(value));
  const fields = [id === null ? null : int(id), text(name), ok === null ? null : Buffer.from([ok ? 1 : 0]), text(note)];
  return frame(0x64, Buffer.concat([Buffer.from([0, 4]), ...fields.flatMap(field)]));
}

function frame(type: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(5 + body.length);
  bytes[0] = type;
  bytes.writeInt32BE(4 + body.length, 1);
  body.copy(bytes, 5);
  return bytes;
}

/** The header of the data rides in the first message of data, the trailer is one of its own, or rides with the header of no rows. */
function withHeader(messages: readonly Buffer[]): Buffer[] {
  const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
  const trailer = Buffer.from([0xff, 0xff]);
  const first = messages.findIndex(bytes => bytes[0] === 0x64);
  if (first < 0) return [...messages, frame(0x64, Buffer.concat([header])), frame(0x64, trailer)];
  return [...messages.with(first, frame(0x64, Buffer.concat([header, (messages[first] as Buffer).subarray(5)]))), frame(0x64, trailer)];
}

function startsOf(bytes: Buffer): Uint32Array {
  const starts: number[] = [];
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) starts.push(at);
  return Uint32Array.from(starts);
}
