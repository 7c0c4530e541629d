import { expect } from 'chai';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import type { AnyBatch } from '../../../lib/core/define.ts';
import { rowEncoder } from '../../../lib/clients/postgres/write/encode-rows.ts';
import { fieldWriter } from '../../../lib/clients/postgres/values/encode.ts';
import { Schema } from '../../../lib/schema/schema.ts';

const schema = new Schema([{ name: 'name', type: { kind: 'text' }, nullable: false }]);
const encode = rowEncoder([{ name: 'name', write: fieldWriter({ kind: 'text' }) }]);
const batchOf = (...names: string[]): AnyBatch =>
  RecordBatch.of(
    names.map(name => ({ name })),
    schema,
  );

describe('memory of encoded rows', () => {
  it('is written over once it was given back, and by one batch only, however often that is said', () => {
    const first = encode(batchOf('first'));
    first.giveBack();
    first.giveBack();
    const second = encode(batchOf('second'));
    const kept = [encode(batchOf('third')), encode(batchOf('fourth')), encode(batchOf('fifth')), second];
    expect(kept.filter(({ chunk }) => chunk.buffer === first.chunk.buffer)).to.have.length(1);
    expect(new Set(kept.map(({ chunk }) => chunk.buffer)).size).to.equal(kept.length);
    expect(kept.map(({ chunk }) => Buffer.from(chunk).subarray(11).toString())).to.deep.equal(['third', 'fourth', 'fifth', 'second']);
  });

  it('stays as it is as long as it was not', () => {
    const chunks = Array.from({ length: 20 }, (_, i) => encode(batchOf(`row ${i}`)).chunk);
    expect(chunks.map(chunk => Buffer.from(chunk).subarray(11).toString())).to.deep.equal(chunks.map((_, i) => `row ${i}`));
  });
});
