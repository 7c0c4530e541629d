import { Readable } from 'node:stream';
import { from, Schema, to } from '../../lib/index.ts';
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
  'records of an array': () => from.records(rows),
  'records of a generator': () => from.records(generated()),
  'records of an async generator': () => from.records(generatedLate()),
  'records of a Node stream': () => from.records<Row>(Readable.from(rows)),
  'records of a web stream': () => from.records<Row>(ReadableStream.from(rows)),
  memory: () => from.memory(rows, schema),
};
for (const [name, open] of Object.entries(sources)) {
  describe(`source ${name}`, () => {
    for (const { name: title, run } of sourceCases({ open, expected: rows })) it(title, run);
  });
}

describe('sink memory', () => {
  let target: Row[] = [];
  const open = () => to.memory((target = []));
  for (const { name, run } of sinkCases({ open, records: rows, schema, read: () => target })) it(name, run);
});

describe('sink function', () => {
  let target: Row[] = [];
  const open = () => {
    const seen: Row[] = (target = []);
    return to.function((row: Row) => seen.push(row));
  };
  for (const { name, run } of sinkCases({ open, records: rows, schema, read: () => target, isAtomic: false })) it(name, run);
});
