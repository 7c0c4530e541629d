import { expect } from 'chai';
import { z } from 'zod';
import { defineSink, defineSource } from '../../../lib/core/define.ts';
import type { SinkParts, SourcePart } from '../../../lib/core/parts.ts';
import { sinkStage, sourceStage } from '../../../lib/core/run/stage.ts';
import { MillraceError } from '../../../lib/errors.ts';
import { pipeline, PipelineError, type Report, type RunOptions, type Sink, type Source } from '../../../lib/index.ts';
import { functionKind } from '../../../sinks/function.ts';
import { generateKind } from '../../../sources/generate.ts';

interface Wish {
  readonly rows?: Readonly<Record<string, number>>;
  readonly after?: Readonly<Record<string, readonly string[]>>;
  readonly steps?: (name: string) => readonly (() => Promise<void>)[];
  readonly written?: (name: string) => void;
  readonly finish?: () => Promise<void>;
  readonly options?: { parallel?: number; stopOnFailure?: boolean };
}

/** A source of parts and a sink that takes them, and what was asked of the sink. */
function whole(wish: Wish): { run: (options?: RunOptions) => Promise<Report>; log: string[] } {
  const log: string[] = [];
  const { rows = { a: 30, b: 20, c: 10 } } = wish;
  const parts: SourcePart[] = Object.entries(rows).map(([name, count]) => ({
    name,
    bytes: count,
    source: sourceStage(generateKind.definition, { rows: count }, undefined as never),
  }));
  const sink: SinkParts = {
    parallel: 2,
    stopOnFailure: false,
    ...wish.options,
    after: ({ name }) => wish.after?.[name] ?? [],
    sink: ({ name }) =>
      sinkStage(functionKind.definition, {}, () => {
        log.push(`row of ${name}`);
        wish.written?.(name);
      }),
    steps: ({ name }) => wish.steps?.(name) ?? [],
    finish: async written => {
      log.push(`finish ${written.join(',')}`);
      await wish.finish?.();
    },
    abandon: () => Promise.resolve(void log.push('abandon')),
    close: () => Promise.resolve(void log.push('close')),
  };
  const words = { wholes: 'libraries', part: 'shelf', parts: 'shelves' };
  const source = defineSource({
    kind: 'many',
    options: z.strictObject({}),
    parts: {
      words,
      open: () => Promise.resolve({ parts, whole: undefined, close: () => Promise.resolve(void log.push('source closed')) }),
    },
    read: () => {
      throw new Error('not read');
    },
  });
  const target = defineSink({
    kind: 'many',
    options: z.strictObject({}),
    parts: { words, open: () => Promise.resolve(sink) },
    open: () => Promise.reject(new Error('not opened')),
  });
  const [from, to]: [Source<unknown>, Sink<unknown>] = [source.create({}, undefined), target.create({}, undefined)];
  return { run: (options = {}) => pipeline(from, to, options), log };
}

async function failed(run: Promise<Report>): Promise<PipelineError> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(PipelineError);
  return error as PipelineError;
}

const orderOf = (log: readonly string[]): string[] => [...new Set(log)].map(line => line.replace('row of ', ''));

describe('a source of parts', () => {
  it('goes part by part, the largest first, but none before those that it needs', async () => {
    const { run, log } = whole({ after: { a: ['b'], b: ['c'] }, options: { parallel: 1 } });
    const report = await run();
    expect(orderOf(log)).to.deep.equal(['c', 'b', 'a', 'finish c,b,a', 'close', 'source closed']);
    expect([report.status, report.read, report.written, report.tables?.map(({ table }) => table)]).to.deep.equal([
      'ok',
      60,
      60,
      ['c', 'b', 'a'],
    ]);
  });

  it('a step that fails fails its part alone: it is not among those that are there, and the report names it', async () => {
    const steps = (name: string): (() => Promise<void>)[] =>
      name === 'b' ? [() => Promise.reject(new MillraceError('DISK_FULL', 'full')), () => Promise.resolve()] : [];
    const { run, log } = whole({ steps });
    const error = await failed(run());
    expect([error.code, error.message]).to.deep.equal(['DISK_FULL', '1 of 3 shelves failed, the others are there: b: full']);
    expect(log.filter(line => line.startsWith('finish'))).to.have.lengthOf(1);
    expect(log.find(line => line.startsWith('finish'))).to.not.include('b');
    expect(error.report.tables?.find(({ table }) => table === 'b')).to.include({ status: 'failed' });
  });

  it('stopOnFailure begins no other part, and says which ones', async () => {
    const steps = (name: string): (() => Promise<void>)[] => (name === 'a' ? [() => Promise.reject(new Error('broken'))] : []);
    const { run } = whole({ steps, options: { parallel: 1, stopOnFailure: true } });
    const { report } = await failed(run());
    expect(report.warnings).to.deep.equal(['shelf b was not begun', 'shelf c was not begun']);
  });

  it('an onProgress that throws is not called again, and the run goes on', async () => {
    let calls = 0;
    const onProgress = (): void => {
      calls++;
      throw new Error('mine');
    };
    const { run } = whole({});
    const report = await run({ onProgress, progressEveryMs: 1 });
    expect([report.status, report.written, calls, report.warnings]).to.deep.equal([
      'ok',
      60,
      1,
      ['onProgress threw and is not called again: mine'],
    ]);
  });

  it('cancelled: what the sink has made is taken away, nothing is finished, all is closed', async () => {
    const abort = new AbortController();
    const { run, log } = whole({ written: name => void (name === 'b' && abort.abort()) });
    const error = await failed(run({ signal: abort.signal }));
    expect(error.code).to.equal('CANCELLED');
    expect(log.filter(line => !line.startsWith('row'))).to.deep.equal(['abandon', 'close', 'source closed']);
  });

  it('a cancellation that comes when all is finished is too late', async () => {
    const abort = new AbortController();
    const { run, log } = whole({ finish: () => Promise.resolve(abort.abort()) });
    const report = await run({ signal: abort.signal });
    expect([report.status, report.error, log.includes('abandon')]).to.deep.equal(['ok', undefined, false]);
  });
});
