import { expect } from 'chai';
import fc from 'fast-check';
import { ArrayColumn } from '../../../lib/core/batch/column.ts';
import type { AnyBatch } from '../../../lib/core/define.ts';
import { INT4, TEXT } from '../../../lib/schema/types.ts';
import { cut, read, type ReadOptions } from './reading.ts';
import { runs } from '../../random.ts';

async function batchOf(text: string, csv: ReadOptions['csv'] = {}): Promise<AnyBatch> {
  const { batches, error } = await read(text, { csv });
  if (error !== undefined) throw error;
  expect(batches).to.have.lengthOf(1);
  return batches[0] as AnyBatch;
}

const forwarded = (batch: AnyBatch): string | undefined => {
  const chunks = batch.encoded('csv');
  return chunks && Buffer.concat(chunks).toString();
};

describe('CSV bytes passed on', () => {
  it('are one piece of the file where nothing was changed', async () => {
    const text = '1,"a"\n,""\n';
    const batch = await batchOf(text, { headers: false });
    expect(batch.encoded('csv')).to.have.lengthOf(1);
    expect(forwarded(batch)).to.equal(text);
    expect(batch.encoded('pg-copy')).to.equal(undefined);
  });

  it('always end with LF, hold no empty line, no bare CR and no end mark', async () => {
    expect(forwarded(await batchOf('1,2\r\n3,4\n\n\r\n5,6\n', { headers: false }))).to.equal('1,2\n3,4\n5,6\n');
    expect(forwarded(await batchOf('1,2\r\r\n"3\r\n",4\r\r\n', { headers: false }))).to.equal('1,"2\r"\n"3\r\n","4\r"\n');
    expect(forwarded(await batchOf('1,2', { headers: false }))).to.equal('1,2\n');
    expect(forwarded(await batchOf('1,2\r', { headers: false }))).to.equal('1,"2\r"\n');
    expect(forwarded(await batchOf('\\.,1\n\\.\\,2\na,\\.\n', { headers: false }))).to.equal('"\\.",1\n"\\.\\",2\na,"\\."\n');
    expect(forwarded(await batchOf('\\.\n\n', { headers: false }))).to.equal('"\\."\n\n');
  });

  it('are none with another delimiter', async () => {
    expect(forwarded(await batchOf('1\t2\n', { headers: false, delimiter: '\t' }))).to.equal(undefined);
  });

  it('are the ranges of the rows selected', async () => {
    const batch = await batchOf('a\n0\n1\n"2\n"\n3\n4\n5\n');
    expect(forwarded(batch.select(Uint32Array.of(1, 2, 4)))).to.equal('1\n"2\n"\n4\n');
    expect(forwarded(batch.select(Uint32Array.of(0, 3, 4, 5)).select(Uint32Array.of(1, 3)))).to.equal('3\n5\n');
    const long = await batchOf(`a\n${'x'.repeat(5000)}\n1\n2\n${'y'.repeat(6000)}\n`);
    expect(long.select(Uint32Array.of(0, 2, 3)).encoded('csv')).to.have.lengthOf(2);
    expect(forwarded(long.select(Uint32Array.of(0, 2, 3)))).to.equal(`${'x'.repeat(5000)}\n2\n${'y'.repeat(6000)}\n`);
  });

  it('are the fields of other columns copied, renamed or not', async () => {
    const batch = await batchOf('a,b,c\n1,"x,y",\n\\.,"""",\n');
    expect(forwarded(batch.project(['c', 'b']))).to.equal(',"x,y"\n,""""\n');
    expect(forwarded(batch.project(['c']))).to.equal('\n\n');
    expect(forwarded(batch.rename({ a: 'z' }))).to.equal('1,"x,y",\n"\\.","""",\n');
    expect(forwarded(batch.project(['b', 'a']).select(Uint32Array.of(1)))).to.equal('"""","\\."\n');
  });

  it('have values laid over them printed with the quotes they need', async () => {
    const batch = await batchOf('a,b\n1,x\n2,y\n3,z\n');
    const over = batch.withColumn('a', new ArrayColumn(INT4, [10, null, 30])).withColumn('c', new ArrayColumn(TEXT, ['p,q', '', null]));
    expect(forwarded(over as AnyBatch)).to.equal('10,x,"p,q"\n,y,""\n30,z,\n');
    expect(forwarded(over.select(Uint32Array.of(0, 2)) as AnyBatch)).to.equal('10,x,"p,q"\n30,z,\n');
  });

  it('are none where a value laid over them has no text, so that the row at fault is found', async () => {
    const batch = await batchOf('a,b\n1,x\n');
    expect(forwarded(batch.withColumn('a', new ArrayColumn(TEXT, ['\ud800'])) as AnyBatch)).to.equal(undefined);
  });

  it('say where each record stood', async () => {
    const { batches } = await read('\na,b\n1,"x\ny"\n\n2,z\r\n3,w', { batchRows: 2 });
    expect(batches.flatMap(batch => Array.from({ length: batch.length }, (_, row) => batch.locate(row)))).to.deep.equal(
      [3, 6, 7].map(line => ({ file: 'in.csv', line })),
    );
    expect(batches[0]?.select(Uint32Array.of(1)).locate(0)).to.deep.equal({ file: 'in.csv', line: 6 });
  });

  it('are cut loose by compact', async () => {
    const rows = Array.from({ length: 900 }, (_, i) => `${i},"${'x'.repeat(50)}",${i % 3 === 0 ? '' : 'é'}\n`).join('');
    const batch = await batchOf(`a,b,c\n${rows}`);
    const some = batch.select(Uint32Array.of(3, 7)).project(['c', 'a']);
    const compact = some.compact();
    expect(compact.bytes).to.be.below(200);
    expect(some.bytes).to.be.above(50_000);
    expect(compact.rows).to.deep.equal([
      { c: null, a: '3' },
      { c: 'é', a: '7' },
    ]);
    expect(forwarded(compact as AnyBatch)).to.equal(',3\né,7\n');
    expect(compact.locate(1)).to.deep.equal({ file: 'in.csv', line: 9 });
  });

  const field = fc.oneof(
    fc.constantFrom('', '""', '"a,b"', '"x""y"', '"l\r\nm"', '\r', '\\.', '"\\."', 'é😀'),
    fc.string({ maxLength: 30 }).map(text => text.replace(/[",\r\n]/g, '')),
  );
  const file = fc.integer({ min: 1, max: 4 }).chain(width =>
    fc.array(fc.tuple(fc.array(field, { minLength: width, maxLength: width }), fc.constantFrom('\n', '\r\n')), {
      minLength: 1,
      maxLength: 10,
    }),
  );

  it('are read again as the same values, however rows and columns were chosen', async () => {
    await fc.assert(
      fc.asyncProperty(
        file,
        fc.infiniteStream(fc.boolean()),
        fc.infiniteStream(fc.nat(3)),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        async (lines, keep, columns, sizes) => {
          const bytes = Buffer.from(lines.map(([fields, end]) => fields.join(',') + end).join(''));
          const { batches, error } = await read(cut(bytes, sizes), { csv: { headers: false } });
          expect(error).to.equal(undefined);
          for (const batch of batches) {
            const chosen = Uint32Array.from({ length: batch.length }, (_, row) => row).filter(() => keep.next().value as boolean);
            const names = [
              ...new Set(batch.schema.names.map((_, i) => batch.schema.names[(columns.next().value as number) % (i + 1)] as string)),
            ];
            for (const view of [
              batch,
              batch.select(chosen),
              batch.project(names),
              batch.select(chosen).project(names),
              batch.select(chosen).project(names).compact(),
            ] as AnyBatch[]) {
              const text = forwarded(view) ?? 'none';
              const again = await read(text, { csv: { headers: view.schema.names } });
              expect(again.records).to.deep.equal(view.rows.map(row => Object.values(row)));
              if (view.length > 0) expect(text.endsWith('\n')).to.equal(true);
              const unquoted = text.replace(/"(?:[^"]|"")*"/g, '');
              expect(unquoted).to.not.match(/\r/).and.not.match(/^\\\./m);
              if (view.schema.fields.length > 1) expect(unquoted).to.not.match(/^\n|\n\n/);
            }
          }
        },
      ),
      { numRuns: runs(500) },
    );
  });
});
