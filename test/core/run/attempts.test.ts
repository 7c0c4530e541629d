import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import type { RunOptions, Sink, Source } from '../../../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, type Checkpoint, defineSink, defineSource } from '../../../lib/core/define.ts';
import { MillraceError } from '../../../lib/errors.ts';
import { filter, pipeline, PipelineError, through, to, type Progress, type Report } from '../../../lib/index.ts';

const noOptions = z.strictObject({});

const lost = (): MillraceError => new MillraceError('CONNECTION_LOST', 'the connection was lost', { retryable: true });
const nothing = (): Sink<{ id: number }> => to.null();
const rowsOf = (count: number): AnyRow[] => Array.from({ length: count }, (_, id) => ({ id }));

/** What a server of records does when it is asked: gives all of them, or fails. */
interface Server {
  readonly rows: readonly AnyRow[];
  /** How often it was asked. */
  readings: number;
  /** Before these rows of these readings it fails. */
  readonly failures: readonly { readonly reading: number; readonly row: number; readonly error: Error }[];
  readonly canReopen: boolean | undefined;
}

function serverOf(count: number, failures: Server['failures'], canReopen: boolean | undefined = true): Server {
  return { rows: rowsOf(count), readings: 0, failures, canReopen };
}

const PIECE = 10;

const servedKind = defineSource<typeof noOptions, Server>({
  kind: 'served',
  options: noOptions,
  place: () => 'there',
  canReopen: (_options, { canReopen }) => canReopen as boolean,
  async *read(_options, { after, counted }, server) {
    const reading = ++server.readings;
    for (let row = after === undefined ? 0 : Number(after['row']) + 1; row <= server.rows.length; row += PIECE) {
      const failure = server.failures.find(each => each.reading === reading && each.row >= row && each.row < row + PIECE);
      await new Promise(resolve => setImmediate(resolve));
      if (failure !== undefined) throw failure.error;
      const rows = server.rows.slice(row, row + PIECE);
      if (rows.length === 0) return;
      counted({ rows: rows.length, bytes: rows.length });
      yield RecordBatch.of(rows, undefined, { row: row + rows.length - 1 }) as AnyBatch;
    }
  },
});
const served = (server: Server): Source<{ id: number }> => servedKind.create({}, server);

/** A table that keeps where it stands; a commit may go wrong before or behind it. */
interface Table {
  rows: AnyRow[];
  checkpoint: Checkpoint | undefined;
  commits: number;
  /** The number of the commit that fails, and whether it happens all the same. */
  readonly failing?: { readonly commit: number; readonly happens: boolean; readonly loses?: number };
  /** What stood there before each commit. */
  readonly past: Pick<Table, 'rows' | 'checkpoint'>[];
  open: number;
}

const tableKind = defineSink<typeof noOptions, Table>({
  kind: 'table',
  options: noOptions,
  needsSchema: false,
  guarantee: 'all-or-nothing',
  checkpoints: {
    commitsParts: () => true,
    look: (_options, { resume }, table) => {
      if (!resume) table.checkpoint = undefined;
      return Promise.resolve({ checkpoint: table.checkpoint, commitsParts: true });
    },
  },
  open: (_options, { settle, counted }, table) => {
    let held: AnyRow[] = [];
    table.open++;
    return Promise.resolve({
      write: batch => {
        held.push(...batch.rows);
        counted({ written: batch.length, bytes: batch.length });
        settle(batch);
        return Promise.resolve();
      },
      flush: () => Promise.resolve(),
      commit: checkpoint => {
        const fails = table.failing?.commit === ++table.commits;
        table.past.push({ rows: [...table.rows], checkpoint: table.checkpoint });
        if (fails && table.failing?.loses !== undefined) Object.assign(table, table.past.at(-1 - table.failing.loses));
        if (!fails || (table.failing?.happens ?? false)) {
          table.rows.push(...held);
          held = [];
          table.checkpoint = JSON.parse(JSON.stringify(checkpoint)) as Checkpoint;
        }
        return fails ? Promise.reject(lost()) : Promise.resolve(null);
      },
      close: () => Promise.resolve(void table.open--),
      abort: () => Promise.resolve(void table.open--),
    });
  },
});
const emptyTable = (failing?: Table['failing']): Table => ({
  rows: [],
  checkpoint: undefined,
  commits: 0,
  open: 0,
  past: [],
  ...(failing === undefined ? {} : { failing }),
});
const into = (table: Table): Sink<{ id: number }> => tableKind.create({}, table);

async function failed(run: Promise<Report>): Promise<PipelineError> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(PipelineError);
  return error as PipelineError;
}

function conserves({ read, made, written, unchanged, superseded, dropped, rejected, stages }: Report): void {
  expect(read + made).to.equal(written + unchanged + superseded + dropped + rejected);
  for (const stage of stages.slice(1, -1)) expect(stage.in + stage.made).to.equal(stage.out + stage.dropped + stage.rejected);
}

/** A short time between two tries. */
const SOON: RunOptions = { retryFor: 5000 };
const PARTS: RunOptions = { ...SOON, job: 'test', checkpointEvery: 20 };
const even = () => filter<{ id: number }>(({ id }) => id % 2 === 0);
const EVEN = rowsOf(100).filter(({ id }) => Number(id) % 2 === 0);

describe('a run that is lost on the way', function () {
  this.slow(2000);

  it('begins again at its beginning where nothing of it is to be seen, and counts each record once', async () => {
    const server = serverOf(100, [
      { reading: 1, row: 55, error: lost() },
      { reading: 2, row: 75, error: lost() },
    ]);
    const rows: { id: number }[] = [];
    const report = await pipeline(served(server), even(), to.memory(rows), SOON);
    expect(rows).to.deep.equal(EVEN);
    expect(report).to.include({ status: 'ok', attempts: 3, read: 100, written: 50, dropped: 50, guarantee: 'all-or-nothing' });
    conserves(report);
    expect(report.warnings).to.have.length(2);
    expect(report.warnings[0]).to.match(
      /^attempt 1 failed \(CONNECTION_LOST: the connection was lost\); after .* it went on at its beginning$/,
    );
  });

  it('goes on behind its last commit, with all attempts in its counts', async () => {
    const server = serverOf(100, [
      { reading: 1, row: 75, error: lost() },
      { reading: 2, row: 95, error: lost() },
    ]);
    const table = emptyTable();
    const progress: Progress[] = [];
    const report = await pipeline(served(server), even(), into(table), {
      ...PARTS,
      onProgress: told => progress.push(told),
      progressEveryMs: 1,
    });
    expect(table.rows).to.deep.equal(EVEN);
    expect(table.open).to.equal(0);
    expect(report).to.include({ attempts: 3, read: 100, written: 50, dropped: 50, bytesRead: 100, bytesWritten: 50, resumedFrom: null });
    expect(report.guarantee).to.equal('exactly-once');
    conserves(report);
    expect(report.warnings.join()).to.contain('it went on behind its last commit');
    expect(progress.at(-1)).to.include({ attempts: 3, read: 100, written: 50, done: true });
    expect(progress.filter(({ done }) => done)).to.have.length(1);
  });

  for (const happens of [true, false]) {
    for (const commit of [1, 2, 5, 6]) {
      it(`finds out whether commit ${commit} happened whose answer was lost: it did ${happens ? '' : 'not'}`, async () => {
        const table = emptyTable({ commit, happens });
        const report = await pipeline(served(serverOf(100, [])), even(), into(table), PARTS);
        expect(table.rows).to.deep.equal(EVEN);
        expect(report).to.include({ status: 'ok', attempts: 2, read: 100, written: 50, dropped: 50 });
        conserves(report);
        expect(table.checkpoint?.done).to.equal(true);
      });
    }
  }

  for (const loses of [1, 2, 3]) {
    it(`goes on where it is when a server that crashed has lost the last ${loses} of its commits`, async () => {
      const table = emptyTable({ commit: 4, happens: false, loses });
      const report = await pipeline(served(serverOf(100, [])), even(), into(table), PARTS);
      expect(table.rows).to.deep.equal(EVEN);
      expect(report).to.include({ attempts: 2, read: 100, written: 50, dropped: 50 });
      conserves(report);
    });
  }

  it('has each dead letter once, and counts it once', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'millrace-attempts-'));
    const letters = path.join(folder, 'letters.ndjson');
    const throwing = filter<{ id: number }>(({ id }) => {
      if (id % 10 === 3) throw new Error('a three');
      return true;
    });
    const server = serverOf(100, [
      { reading: 1, row: 75, error: lost() },
      { reading: 2, row: 95, error: lost() },
    ]);
    const table = emptyTable();
    const report = await pipeline(served(server), throwing, into(table), { ...PARTS, deadLetter: to.file(letters) });
    const ids = readFileSync(letters, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => (JSON.parse(line) as { record: { id: number } }).record.id);
    rmSync(folder, { recursive: true });
    expect(ids).to.deep.equal([3, 13, 23, 33, 43, 53, 63, 73, 83, 93]);
    expect(report).to.include({ attempts: 3, read: 100, written: 90, rejected: 10 });
    expect(report.rejects.map(({ count }) => count)).to.deep.equal([10]);
    expect(table.rows).to.have.length(90);
    conserves(report);
  });

  it('is not gone on with where somebody was given a dead letter that he would get again', async () => {
    const threes = filter<{ id: number }>(({ id }) => {
      if (id === 3) throw new Error('a three');
      return true;
    });
    const given: unknown[] = [];
    const run = (row: number) =>
      failed(
        pipeline(served(serverOf(100, [{ reading: 1, row, error: lost() }])), threes, into(emptyTable()), {
          ...PARTS,
          retryFor: 300,
          deadLetter: to.function(letter => void given.push(letter)),
        }),
      );
    expect((await run(75)).report.attempts).to.equal(1);
    expect(given).to.have.length(1);
  });

  it('does not forget what it has kept, though it was to begin at the beginning', async () => {
    const table = emptyTable();
    await pipeline(served(serverOf(40, [])), into(table), PARTS);
    expect(table.checkpoint?.done).to.equal(true);
    const report = await pipeline(served(serverOf(100, [{ reading: 1, row: 75, error: lost() }])), into(table), PARTS);
    expect(report).to.include({ attempts: 2, read: 100, written: 100 });
    expect(table.rows).to.have.length(140);
  });

  it('fails with what lost it when its time is up, and says how often it tried, and where it stands', async () => {
    const server = serverOf(
      100,
      Array.from({ length: 100 }, (_, i) => ({ reading: i + 1, row: 75, error: lost() })),
    );
    const table = emptyTable();
    const error = await failed(pipeline(served(server), even(), into(table), { ...PARTS, retryFor: 300 }));
    expect(error.code).to.equal('CONNECTION_LOST');
    expect(error.retryable).to.equal(true);
    expect(error.message).to.match(/^the connection was lost; tried again \d+ times?$/);
    expect(error.report.attempts).to.equal(server.readings).and.to.be.within(2, 60);
    expect(error.report).to.include({ status: 'failed', written: 30 });
    expect(error.checkpoint?.source).to.deep.equal({ row: 59 });
    expect(error.checkpoint).to.deep.equal(table.checkpoint);
    expect(table.rows).to.have.length(30);
    expect(error.report.warnings.at(-1)).to.contain('30 records are committed');
  });

  it('has its whole time again after each commit', async () => {
    const server = serverOf(
      100,
      [25, 45, 65, 85].map((row, i) => ({ reading: i + 1, row, error: lost() })),
    );
    const table = emptyTable();
    const report = await pipeline(served(server), into(table), { ...PARTS, retryFor: 1 });
    expect(report).to.include({ attempts: 5, read: 100, written: 100 });
  });

  it('is not begun again where retryFor is 0, nor for what will not go well later', async () => {
    const refused = new MillraceError('NOT_FOUND', 'it is gone');
    const waited = new MillraceError('TIMEOUT', 'a lock was waited for', { retryable: true, hasWaited: true });
    for (const [error, options] of [
      [lost(), { retryFor: 0 }],
      [refused, SOON],
      [waited, SOON],
    ] as const) {
      const server = serverOf(100, [{ reading: 1, row: 55, error }]);
      const { code, report } = await failed(pipeline(served(server), to.memory<{ id: number }>([]), options));
      expect([code, report.attempts, server.readings]).to.deep.equal([error.code, 1, 1]);
    }
    const server = serverOf(100, [
      { reading: 1, row: 55, error: lost() },
      { reading: 2, row: 55, error: refused },
    ]);
    expect((await failed(pipeline(served(server), to.memory<{ id: number }>([]), SOON))).code).to.equal('NOT_FOUND');
  });

  it('is not begun again where something was given away that cannot be taken back, or cannot be read again', async () => {
    const lostOnce = (canReopen?: boolean): Server => serverOf(100, [{ reading: 1, row: 55, error: lost() }], canReopen);
    const called: unknown[] = [];
    const runs: readonly ((server: Server) => Promise<Report>)[] = [
      server =>
        pipeline(
          served(server),
          to.function<{ id: number }>(row => void called.push(row)),
          SOON,
        ),
      server => pipeline(served(server), nothing(), SOON),
      server => pipeline(served(server), through<{ id: number }>(new TransformStream() as never), to.memory<{ id: number }>([]), SOON),
      server => pipeline(served(server), to.memory<{ id: number }>([]), { ...SOON, deadLetter: to.function(() => undefined) }),
    ];
    for (const run of runs) {
      const server = lostOnce();
      expect((await failed(run(server))).report.attempts).to.equal(1);
      expect(server.readings).to.equal(1);
    }
    expect(called).to.have.length(50);
    const once = lostOnce(false);
    expect((await failed(pipeline(served(once), to.memory<{ id: number }>([]), SOON))).report.attempts).to.equal(1);
    const unknown = { ...lostOnce(), canReopen: undefined };
    expect((await failed(pipeline(served(unknown), to.memory<{ id: number }>([]), SOON))).report.attempts).to.equal(1);
  });

  it('is begun again whatever its stages where nothing was touched yet, for 10 seconds at most and no longer than allowed', async () => {
    let asked = 0;
    const unreachable = new MillraceError('UNREACHABLE', 'nobody answers', { retryable: true });
    const sourceKind = defineSource({
      kind: 'late',
      options: noOptions,
      describe: () => (++asked < 3 ? Promise.reject(unreachable) : Promise.resolve(undefined)),
      async *read() {
        yield RecordBatch.of([{ id: 1 }]) as AnyBatch;
      },
    });
    const called: unknown[] = [];
    const report = await pipeline(
      sourceKind.create<{ id: number }>({}, undefined),
      to.function(row => void called.push(row)),
    );
    expect([report.attempts, called]).to.deep.equal([3, [{ id: 1 }]]);
    asked = -1000;
    const error = await failed(pipeline(sourceKind.create<{ id: number }>({}, undefined), nothing(), { retryFor: 50 }));
    expect([error.code, error.message]).to.deep.equal(['UNREACHABLE', error.message]);
    expect(error.message).to.match(/^nobody answers; tried again/);
  });

  it('waits for nothing once it is cancelled or stopped, and leaves no listener', async () => {
    for (const how of ['signal', 'drain'] as const) {
      const stop = new AbortController();
      const asking = new MillraceError('CONNECTION_LOST', 'not now', { retryable: true, retryAfterMs: 50_000 });
      const server = serverOf(100, [{ reading: 1, row: 55, error: asking }]);
      const start = performance.now();
      setTimeout(() => stop.abort(), 100);
      const error = await failed(pipeline(served(server), to.memory<{ id: number }>([]), { retryFor: '2m', [how]: stop.signal }));
      expect(performance.now() - start).to.be.below(5000);
      expect(error.code).to.equal(how === 'signal' ? 'CANCELLED' : 'CONNECTION_LOST');
      expect(server.readings).to.equal(1);
    }
  });

  it('is refused a length of time that is none', async () => {
    const error = (await pipeline(served(serverOf(1, [])), nothing(), { retryFor: 'soon' }).catch(
      (thrown: unknown) => thrown,
    )) as MillraceError;
    expect(error.code).to.equal('OPTION_INVALID');
    expect(error.message).to.contain('"soon" is no length of time');
  });
});
