// Records that came as bytes are sorted as such, in memory and on disk.
import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';
import { RecordBatch } from '../../lib/core/batch/batch.ts';
import type { PackedRows, RowForm } from '../../lib/core/batch/packed.ts';
import { type AnyBatch, defineSink, defineSource } from '../../lib/core/define.ts';
import { from, map, type Operator, pipeline, skip, sort, to, validate } from '../../lib/index.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { INT8 } from '../../lib/schema/types.ts';
import { freshFolder } from '../clients/file/folder.ts';
import { runs } from '../random.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

type Row = Record<string, unknown>;
/** So little that nearly every batch is put aside, and runs are merged in more than one pass. */
const LITTLE = { stateMemory: 20_000, batchRows: 50 };
const PLENTY = { stateMemory: '64MiB' };

describe('sort of records that are bytes', () => {
  const { at, text } = freshFolder();

  it('writes CSV and NDJSON as they stood, whatever is put aside', async () => {
    const field = fc.constantFrom('', '""', 'a', '"a"', '"a,""b"""', '"x\ny"', 'ä', '10', '9', '\u{1F6F6}');
    const number = fc.constantFrom('1.10', '1.1', '9007199254740993', '1e2', '"a"', 'null', '{"b":1.0,"a":2,"b":3}');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(field, field, number), { minLength: 100, maxLength: 300 }), async records => {
        writeFileSync(at('in.csv'), `a,b,n\n${records.map(([a, b], n) => `${a},${b},${n}\n`).join('')}`);
        writeFileSync(at('in.ndjson'), records.map(([, , v], n) => `{"v": ${v}, "n":${n}, "g": ${n % 7}}\n`).join(''));
        for (const [name, keys] of [
          ['csv', ['b', '-a']],
          ['ndjson', ['g', '-v']],
        ] as const) {
          const outputs: string[] = [];
          for (const options of [PLENTY, LITTLE]) {
            const target = to.file<Row>(at(`out.${name}`), { mode: 'replace' });
            await pipeline(from.file<Row>(at(`in.${name}`)), sort<Row>(...keys), target, options);
            outputs.push(text(`out.${name}`));
          }
          expect(outputs[1]).to.equal(outputs[0]);
          expect(outputs[1]).to.have.length(text(`in.${name}`).length);
        }
      }),
      { numRuns: runs(8) },
    );
  });

  it('does the same of columns chosen, renamed, laid over and read late, and of files whose columns stand in another order', async () => {
    const ids = Array.from({ length: 3000 }, (_, i) => (i * 7919) % 3000);
    writeFileSync(at('x1.csv'), `id,name,more\n${ids.map(id => `${id},n${id % 10},"m,${id}"\n`).join('')}`);
    writeFileSync(at('x2.csv'), `more,id,name\n${ids.map(id => `"m,${id}",${id + 3000},n${id % 10}\n`).join('')}`);
    const read = async (options: object, ...between: readonly Operator<Row, Row>[]): Promise<Row[]> => {
      const rows: Row[] = [];
      const [one = skip<Row>(0), two = skip<Row>(0)] = between;
      await pipeline(from.file<Row>(at('x*.csv')), one, two, sort<Row>('name', '-id'), to.memory(rows), options);
      return rows;
    };
    const overlaid = map<Row, 'id', { id: string }>(['id'], ({ id }) => ({ id: `${String(id)}.50` })) as unknown as Operator<Row, Row>;
    const late = map((row: Row): Row => ({ ...row, id: Number(row['id']) }));
    for (const between of [[], [overlaid], [late], [late, overlaid]]) {
      const rows = await read(PLENTY, ...between);
      expect(rows).to.have.length(6000);
      expect(await read(LITTLE, ...between)).to.deep.equal(rows);
    }
  });

  it('sorts rows of PostgreSQL here as it does there, and passes them on as they came', async () => {
    const url = await freshDatabase('sort_bytes');
    await sql(
      url,
      `CREATE TYPE mood AS ENUM ('b', 'a');
       CREATE TABLE given (id int PRIMARY KEY, g int, n numeric, t text, j jsonb, a int[], m mood, at timestamptz);
       INSERT INTO given SELECT i, i % 13, i / 7.0, repeat('ä', i % 5), jsonb_build_object('n', i), ARRAY[i, NULL], CASE WHEN i % 2 = 0 THEN 'a'::mood ELSE 'b' END,
         CASE WHEN i % 3 = 0 THEN 'infinity' ELSE now() + i * interval '1 second' END FROM generate_series(1, 5000) i`,
    );
    const source = from.postgres<Row>({ url, table: 'given' });
    const target = to.postgres<Row>({ url, table: 'sorted', mode: 'replace' });
    for (const options of [PLENTY, LITTLE]) {
      const report = await pipeline(source, skip<Row>(0), sort<Row>('g', '-t', 'm', 'id'), target, options);
      expect(report.stages[2]?.pushed).to.equal(undefined);
      const [differing] = (await sql(
        url,
        `WITH there AS (SELECT row_number() OVER (ORDER BY g, t COLLATE "C" DESC, m::text COLLATE "C", id) AS place, given FROM given),
           here AS (SELECT row_number() OVER (ORDER BY ctid) AS place, sorted FROM sorted)
         SELECT count(*)::int AS n FROM there FULL JOIN here USING (place) WHERE given::text IS DISTINCT FROM sorted::text`,
      )) as [{ n: number }];
      expect(differing.n).to.equal(0);
    }
  });

  it('decodes nothing but the keys, and knows where records stood while they are in memory', async () => {
    const asked = new Set<number>();
    const form: RowForm = {
      isLike: other => other === form,
      open: (bytes, starts) => ({
        length: starts.length - 1,
        bytes: bytes.length,
        column: (index, type) => ({
          type,
          length: starts.length - 1,
          get: row => {
            asked.add(index);
            return bytes.readInt32LE((starts[row] as number) + 4 * index);
          },
        }),
        get packed(): PackedRows {
          return { bytes, starts, form };
        },
        encoded: () => [bytes],
      }),
    };
    const schema = new Schema([
      { name: 'key', type: INT8, nullable: false },
      { name: 'other', type: INT8, nullable: false },
    ]);
    const keys = Array.from({ length: 20_000 }, (_, i) => (i * 7919) % 20_000);
    const batches = Array.from({ length: 20 }, (_, b) => {
      const bytes = Buffer.from(Int32Array.from(keys.slice(b * 1000, (b + 1) * 1000).flatMap(key => [key, -key])).buffer);
      return new RecordBatch(
        form.open(
          bytes,
          Uint32Array.from({ length: 1001 }, (_, i) => i * 8),
        ),
        schema,
      );
    });
    const seen: number[] = [];
    const options = z.strictObject({});
    const source = defineSource<typeof options>({
      kind: 'packed',
      options,
      describe: () => Promise.resolve(schema),
      async *read(_options, { counted }) {
        for (const batch of batches) {
          await Promise.resolve();
          counted({ rows: batch.length });
          yield batch as AnyBatch;
        }
      },
    });
    const target = defineSink<typeof options>({
      kind: 'packed',
      options,
      open: (_options, { settle }) =>
        Promise.resolve({
          write: batch => {
            const [bytes] = batch.encoded('pg-copy') as [Buffer];
            for (let i = 0; i < bytes.length; i += 8) seen.push(bytes.readInt32LE(i));
            settle(batch);
            return Promise.resolve();
          },
          flush: () => Promise.resolve(),
          commit: () => Promise.resolve(null),
          close: () => Promise.resolve(),
          abort: () => Promise.resolve(),
        }),
    });
    await pipeline(source.create<Row>({}, undefined), sort<Row>('key'), target.create<Row>({}, undefined), LITTLE);
    expect(seen).to.deep.equal(keys.toSorted((a, b) => a - b));
    expect([...asked]).to.deep.equal([0]);

    writeFileSync(at('p.csv'), 'id\n3\n2\nx\n1\n');
    const letters: { position?: unknown }[] = [];
    const digits = validate(z.object({ id: z.string().regex(/^[0-9]$/) }));
    await pipeline(from.file<{ id: string }>(at('p.csv')), sort('id'), digits, to.null(), { deadLetter: to.memory(letters as never) });
    expect(letters.map(letter => letter.position)).to.deep.equal([{ file: at('p.csv'), line: 4 }]);
  });
});
