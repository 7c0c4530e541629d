import { expect } from 'chai';
import { Readable, Writable } from 'node:stream';
import { pipeline, Schema } from '../../lib/index.ts';
import { function as functionSink } from '../../sinks/function.ts';
import { memory as memorySink } from '../../sinks/memory.ts';
import { stream as streamSink } from '../../sinks/stream.ts';
import { null as nullSink } from '../../sinks/null.ts';
import { generate } from '../../sources/generate.ts';
import { memory as memorySource } from '../../sources/memory.ts';
import { records } from '../../sources/records.ts';
import { sinkCases, sourceCases, type SourceSubject } from '../../lib/testing/index.ts';

interface Row {
  readonly id: number;
}
const rows: Row[] = Array.from({ length: 9 }, (_, id) => ({ id }));
const schema = new Schema([{ name: 'id', type: { kind: 'int8' }, nullable: false }]);

function* generated(): Generator<Row> {
  yield* rows;
}
async function* generatedLate(): AsyncGenerator<Row> {
  for (const row of rows) {
    await new Promise(resolve => setImmediate(resolve));
    yield row;
  }
}

const sources: Record<string, SourceSubject<Row>['open']> = {
  'records of an array': () => records(rows),
  'records of a generator': () => records(generated()),
  'records of an async generator': () => records(generatedLate()),
  'records of a Node stream': () => records<Row>(Readable.from(rows)),
  'records of a web stream': () => records<Row>(ReadableStream.from(rows)),
  memory: () => memorySource(rows, schema),
};
for (const [name, open] of Object.entries(sources)) {
  describe(`source ${name}`, () => {
    for (const { name: title, run } of sourceCases({ open, expected: rows })) it(title, run);
  });
}

describe('sink memory', () => {
  let target: Row[] = [];
  const open = () => memorySink<Row>((target = []));
  for (const { name, run } of sinkCases({ open, records: rows, schema, read: () => target })) it(name, run);
});

describe('sink function', () => {
  let target: Row[] = [];
  const open = () => {
    const seen: Row[] = (target = []);
    return functionSink((row: Row) => seen.push(row));
  };
  for (const { name, run } of sinkCases({ open, records: rows, schema, read: () => target, isAtomic: false })) it(name, run);
});

describe('sink stream', () => {
  let target: Row[] = [];
  const open = () => {
    const seen: Row[] = (target = []);
    return streamSink<Row>(
      new Writable({
        objectMode: true,
        write(row: Row, _encoding, callback) {
          seen.push(row);
          callback();
        },
      }),
    );
  };
  for (const { name, run } of sinkCases({ open, records: rows, schema, read: () => target, isAtomic: false })) it(name, run);
});

describe('source generate into sink null', () => {
  it('carries a million records without looking at them', async () => {
    const report = await pipeline(generate({ rows: 1_000_000 }), nullSink());
    expect(report).to.include({ status: 'ok', read: 1_000_000, written: 1_000_000 });
  });
});
