import { expect } from 'chai';
import { z } from 'zod';
import type { KindLoaders } from '../../lib/config/kinds.ts';
import { loadSink, loadSource } from '../../lib/config/places.ts';
import { optionsFromText } from '../../lib/config/text-options.ts';
import { defineSink, defineSource, type SinkKind, type SourceKind } from '../../lib/core/define.ts';
import { stageOf } from '../../lib/core/run/face.ts';
import { MillraceError } from '../../lib/errors.ts';

const options = z.strictObject({
  url: z.string(),
  table: z.string().optional(),
  columns: z.array(z.string()).optional(),
  batchRows: z.int().positive().default(100),
  header: z.boolean().default(true),
  int8: z.enum(['number', 'bigint']).default('number'),
  quote: z.union([z.string(), z.literal(false)]).optional(),
  delimiter: z.union([z.string(), z.array(z.string())]).optional(),
  names: z.record(z.string(), z.string()).optional(),
  level: z.union([z.number(), z.literal('best')]).optional(),
  mode: z.enum(['create', 'append']).optional(),
});
const source = defineSource<typeof options>({ kind: 'postgres', options, read: async function* () {} });
const sink = defineSink<typeof options>({ kind: 'postgres', options, open: () => Promise.reject(new Error('not opened here')) });
const kinds: KindLoaders = {
  sources: { postgres: () => Promise.resolve(source as unknown as SourceKind) },
  sinks: { postgres: () => Promise.resolve(sink as unknown as SinkKind) },
};

async function failure(promise: Promise<unknown>): Promise<MillraceError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof MillraceError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('places', () => {
  it('turns texts into what the options of the kind want', () => {
    const texts = {
      table: '7',
      columns: 'a,"b,c"',
      batchRows: '50',
      header: 'false',
      quote: 'false',
      delimiter: ',',
      names: 'a=b,c=d',
      level: '3',
      unknown: '1',
    };
    expect(optionsFromText(options, texts)).to.deep.equal({
      table: '7',
      columns: ['a', 'b,c'],
      batchRows: 50,
      header: false,
      quote: false,
      delimiter: ',',
      names: { a: 'b', c: 'd' },
      level: 3,
      unknown: '1',
    });
  });

  it('leaves what is none of the kind wanted to the schema, which says so', async () => {
    const error = await failure(loadSource('postgres://h/app?table=t&batchRows=many', {}, kinds));
    expect(error.code).to.equal('OPTION_INVALID');
    expect(error.message).to.contain('"batchRows"').and.to.contain('number');
  });

  it('refuses an unknown option with the nearest name', async () => {
    const error = await failure(loadSource('postgres://h/app?table=t&tabel=small', {}, kinds));
    expect(error.code).to.equal('OPTION_UNKNOWN');
    expect(error.message).to.contain('"tabel"').and.to.contain('did you mean "table"?');
  });

  it('lets what was set beside the address win, and fills in what the address does not say', async () => {
    const face = await loadSink(
      'postgres://h/app?table=t&mode=create',
      { options: { mode: 'append' }, defaults: { int8: 'bigint', elsewhere: 1, table: 'x' } },
      kinds,
    );
    expect(stageOf(face)?.options).to.deep.equal({
      url: 'postgres://h/app',
      table: 't',
      mode: 'append',
      int8: 'bigint',
      batchRows: 100,
      header: true,
    });
  });

  it('refuses what was set beside the address where the kind has no such option', async () => {
    const error = await failure(loadSink('postgres://h/app?table=t', { options: { kee: 'id' } }, kinds));
    expect(error.code).to.equal('OPTION_UNKNOWN');
    expect(error.message).to.contain('"kee"');
  });

  it('opens nothing', async () => {
    const face = await loadSource('postgres://nowhere.invalid/app?table=t', {}, kinds);
    expect(stageOf(face)?.kind).to.equal('postgres');
  });
});
