// Any chain of views over any origin shows what the same steps over arrays give, by every face.
import { expect } from 'chai';
import fc from 'fast-check';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import { ArrayColumn } from '../../../lib/core/batch/column.ts';
import type { AnyBatch, AnyRow } from '../../../lib/core/define.ts';
import { ndjsonDecoder } from '../../../lib/formats/ndjson/index.ts';
import { Schema } from '../../../lib/schema/schema.ts';
import { decodeAll } from '../../formats/decoding.ts';
import { read } from '../../formats/csv/reading.ts';
import { runs } from '../../random.ts';

const NAMES = ['a', 'b', 'c'] as const;
const schema = new Schema(NAMES.map(name => ({ name, type: { kind: 'text' }, nullable: true })));
const origin = (row: number): { row: number } => ({ row: row + 10 });

/** What a batch should show: names in order, values by row, and where each row stood. */
interface Shown {
  readonly names: readonly string[];
  readonly values: readonly (readonly unknown[])[];
  readonly places: readonly number[];
}

/** A step, over a batch and over arrays. Numbers choose; what can't be done leaves both as they are. */
type Step = (shown: Shown, batch: AnyBatch) => readonly [Shown, AnyBatch];

const numbers = fc.array(fc.nat(), { minLength: 1, maxLength: 8 });

const step: fc.Arbitrary<Step> = fc.oneof(
  numbers.map((chosen): Step => ({ names, values, places }, batch) => {
    const rows = values.map((_, row) => row).filter(row => (chosen[row % chosen.length] as number) % 3 !== 0);
    return [
      { names, values: rows.map(row => values[row] as unknown[]), places: rows.map(row => places[row] as number) },
      batch.select(Uint32Array.from(rows)),
    ];
  }),
  fc
    .tuple(fc.nat(9), fc.nat(9))
    .map(([a, b]): Step => ({ names, values, places }, batch) => [
      { names, values: values.slice(Math.min(a, b), Math.max(a, b)), places: places.slice(Math.min(a, b), Math.max(a, b)) },
      batch.slice(Math.min(a, b), Math.max(a, b)),
    ]),
  numbers.map((chosen): Step => ({ names, values, places }, batch) => {
    const at = [...new Set(chosen.map(number => number % names.length))];
    const projected = at.map(index => names[index] as string);
    return [{ names: projected, values: values.map(row => at.map(index => row[index])), places }, batch.project(projected)];
  }),
  fc.nat().map((number): Step => ({ names, values, places }, batch) => {
    const first = names[number % names.length] as string;
    const second = names[(number + 1) % names.length] as string;
    const renamed = first === second ? { [first]: `${first}'` } : { [first]: second, [second]: first };
    return [
      { names: names.map(name => (Object.hasOwn(renamed, name) ? (renamed[name] as string) : name)), values, places },
      batch.rename(renamed),
    ];
  }),
  fc
    .tuple(fc.constantFrom('a', 'c', 'd', '__proto__'), fc.array(fc.option(fc.string({ maxLength: 3 })), { minLength: 1, maxLength: 5 }))
    .map(([name, texts]): Step => ({ names, values, places }, batch) => {
      const column = values.map((_, row) => texts[row % texts.length] ?? null);
      const at = names.includes(name) ? names.indexOf(name) : names.length;
      return [
        { names: names.includes(name) ? names : [...names, name], values: values.map((row, i) => row.toSpliced(at, 1, column[i])), places },
        batch.withColumn(name, new ArrayColumn({ kind: 'text' }, column)),
      ];
    }),
  fc.constant<Step>((shown, batch) => [shown, batch.withPosition({ end: shown.values.length })]),
  fc.constant<Step>((shown, batch) => (void batch.rows, [shown, batch])),
);

const text = fc.oneof(fc.constantFrom('', 'x,y', '"', 'a\nb', 'é', '\\.', 'NULL'), fc.string({ maxLength: 4 }));
const table = fc.array(fc.tuple(text, text, fc.option(text)), { minLength: 1, maxLength: 9 });

function show(batch: AnyBatch): Shown['values'] {
  const { names } = batch.schema;
  return Array.from({ length: batch.length }, (_, row) => names.map(name => batch.column(name).get(row)));
}

const entries = (rows: readonly object[]): unknown[] => rows.map(row => Object.entries(row));
const rowsOf = ({ names, values }: Shown): unknown[] => values.map(row => names.map((name, i) => [name, row[i]]));

async function holds(
  first: AnyBatch,
  steps: readonly Step[],
  decode?: (bytes: Uint8Array, names: readonly string[]) => Promise<unknown[]>,
) {
  let batch = first;
  let shown: Shown = { names: [...first.schema.names], values: show(first), places: show(first).map((_, row) => row) };
  const places = shown.places.map(row => first.locate(row));
  for (const apply of steps) [shown, batch] = apply(shown, batch);
  for (const face of [batch, batch.compact()]) {
    expect(face.length).to.equal(shown.values.length);
    expect(face.schema.names).to.deep.equal(shown.names);
    expect(show(face)).to.deep.equal(shown.values);
    expect(entries(face.rows)).to.deep.equal(rowsOf(shown));
    expect(face.position).to.deep.equal(batch.position);
    for (const codec of ['csv', 'ndjson'] as const) {
      const chunks = face.encoded(codec);
      if (chunks !== undefined && decode !== undefined && shown.values.length > 0)
        expect(await decode(Buffer.concat(chunks), shown.names)).to.deep.equal(shown.values);
    }
  }
  expect(shown.places.map((_, row) => batch.locate(row))).to.deep.equal(shown.places.map(place => places[place]));
}

describe('views of views show the same by every face', () => {
  it('of objects', async () => {
    await fc.assert(
      fc.asyncProperty(table, fc.array(step, { maxLength: 7 }), async (values, steps) => {
        const rows = values.map(row => Object.fromEntries(NAMES.map((name, i) => [name, row[i]])));
        await holds(RecordBatch.of<AnyRow>(rows, schema, { end: -1 }, undefined, origin), steps);
      }),
      { numRuns: runs(200) },
    );
  });

  it('of CSV, whose bytes say it too', async () => {
    const quoted = (value: string | null): string => (value === null ? '' : `"${value.replaceAll('"', '""')}"`);
    const decode = async (bytes: Uint8Array, names: readonly string[]): Promise<unknown[]> => {
      const { records, error } = await read(bytes, { csv: { headers: names.map((_, i) => `c${i}`) } });
      if (error !== undefined) throw error;
      return records;
    };
    let isCopied = 0;
    await fc.assert(
      fc.asyncProperty(table, fc.array(step, { maxLength: 6 }), async (values, steps) => {
        const lines = values.map(row => `${row.map(quoted).join(',')}\n`).join('');
        const { batches } = await read(`a,b,c\n${lines}`);
        await holds(batches[0] as AnyBatch, steps, (bytes, names) => (isCopied++, decode(bytes, names)));
      }),
      { numRuns: runs(200) },
    );
    expect(isCopied).to.be.greaterThan(50);
  });

  it('of NDJSON, whose bytes say it as long as nothing is changed', async () => {
    let isCopied = 0;
    const rowSteps = step.map((apply): Step => (shown, batch) => {
      const result = apply(shown, batch);
      return result[1].schemaKnown ? [shown, batch] : result;
    });
    await fc.assert(
      fc.asyncProperty(table, fc.array(rowSteps, { maxLength: 5 }), async (values, steps) => {
        const rows = values.map(row => Object.fromEntries(NAMES.map((name, i) => [name, row[i]])));
        const { batches } = await decodeAll(ndjsonDecoder(), rows.map(row => `${JSON.stringify(row)}\n`).join(''));
        const first = batches[0] as AnyBatch;
        let batch = first;
        let shown: Shown = { names: NAMES, values, places: values.map((_, row) => row) };
        for (const apply of steps) [shown, batch] = apply(shown, batch);
        expect(entries(batch.rows)).to.deep.equal(rowsOf(shown));
        expect(shown.places.map((_, row) => batch.locate(row))).to.deep.equal(shown.places.map(place => first.locate(place)));
        const chunks = batch.encoded('ndjson');
        if (chunks === undefined) return;
        isCopied++;
        const lines = Buffer.concat(chunks).toString().split('\n').slice(0, -1);
        expect(entries(lines.map(line => JSON.parse(line) as object))).to.deep.equal(rowsOf(shown));
      }),
      { numRuns: runs(200) },
    );
    expect(isCopied).to.be.greaterThan(20);
  });
});
