import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { linesOf } from '../../lib/cli/kinds.ts';
import { textWidth } from '../../lib/values/text-width.ts';
import { operatorKinds } from '../../operators/index.ts';
import { sinkKinds } from '../../sinks/index.ts';
import { sourceKinds } from '../../sources/index.ts';
import { folderFor, millrace } from './millrace.ts';

describe('millrace head', () => {
  const folder = folderFor({ after });
  const csv = path.join(folder, 'p.csv');
  before(() => writeFileSync(csv, ['id,name', ...Array.from({ length: 30 }, (_, i) => `${i},"n\u001b${i}"`)].join('\n')));

  it('shows the first ten records as a table, control characters made visible', async () => {
    const { status, out, err } = await millrace(['head', csv]);
    const lines = out.trimEnd().split('\n');
    expect({ status, err }).to.deep.equal({ status: 0, err: '' });
    expect(lines.slice(0, 4)).to.deep.equal(['id    name', 'text  text', '────  ────', '0     n␛0']);
    expect(lines).to.have.length(13);
  });

  it('takes a limit, a filter and columns', async () => {
    const { out } = await millrace(['head', csv, '--where', 'id > 27', '--select', 'id', '--limit', '5']);
    expect(out).to.equal('id\ntext\n────\n28\n29\n');
    expect((await millrace(['head', csv, '--limit', '0', '--json'])).out).to.equal('');
  });

  it('orders before it counts off, digits of a file by their value', async () => {
    const { out } = await millrace(['head', csv, '--order', '-id', '--where', 'id < 12', '--limit', '3', '--select', 'id']);
    expect(out).to.equal('id\ntext\n────\n11\n10\n9\n');
    const wrong = await millrace(['head', csv, '--order', 'id,,name']);
    expect(wrong.status).to.equal(64);
    expect(wrong.err).to.include('--order: expected a column').and.include('[OPTION_INVALID]');
    expect((await millrace(['head', csv, '--order', 'nmae'])).err)
      .to.include('did you mean "name"?')
      .and.include('[COLUMN_UNKNOWN]');
  });

  it('prints NDJSON with --json, big integers as they are', async () => {
    const { out } = await millrace(['head', '-', '--json', '--limit', '1'], {
      input: '{"a":9007199254740993,"b":[1,{"c":"é"}]}\n{"a":2,"b":[]}\n',
    });
    expect(out).to.equal('{"a":9007199254740993,"b":[1,{"c":"é"}]}\n');
  });

  it('fits the width that it is told', async () => {
    const { out } = await millrace(['head', 'generate:?rows=5'], { env: { COLUMNS: '60' } });
    expect(
      out
        .trimEnd()
        .split('\n')
        .every(line => textWidth(line) <= 60),
    ).to.equal(true);
    expect(out).to.contain('more column');
  });

  it('says when there is nothing', async () => {
    const { status, out } = await millrace(['head', '-'], { input: '' });
    expect({ status, out }).to.deep.equal({ status: 0, out: 'no records\n' });
  });
});

describe('millrace kinds', () => {
  it('names every source, operator and sink with all its options', async () => {
    const { status, out } = await millrace(['kinds']);
    expect(status).to.equal(0);
    const [sources, operators, sinks] = ['Sources', 'Operators', 'Sinks'].map(title => out.split(`${title}\n`)[1]!.split('\n\n')[0]!);
    for (const [text, kinds] of [
      [sources, sourceKinds],
      [operators, operatorKinds],
      [sinks, sinkKinds],
    ] as const) {
      expect(kinds.length).to.be.greaterThan(2);
      for (const kind of kinds) expect(text).to.contain(linesOf(kind as never).join('\n'));
    }
  });

  it('tells type, default and need of an option, and the guarantee of a sink', () => {
    const options = z.strictObject({
      url: z.string(),
      mode: z.enum(['create', 'append']).default('create'),
      columns: z.array(z.string()).optional(),
      rows: z.int().default(10),
      quote: z.union([z.string(), z.literal(false)]).optional(),
      names: z.record(z.string(), z.number()).optional(),
    });
    expect(linesOf({ kind: 'x', definition: { options, guarantee: 'exactly-once' } })).to.deep.equal([
      '  x  (exactly-once)',
      '    url      text, required',
      '    mode     create | append, default "create"',
      '    columns  list of text',
      '    rows     number, default 10',
      '    quote    text | false',
      '    names    text = number, …',
    ]);
  });
});

describe('millrace', () => {
  it('prints its version, and its help with examples', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
    expect((await millrace(['--version'])).out).to.equal(`${version}\n`);
    const help = await millrace(['--help']);
    expect(help.status).to.equal(0);
    expect(help.out).to.contain('Examples:').and.to.contain('millrace copy').and.to.contain('head').and.to.contain('kinds');
    expect((await millrace(['copy', '--help'])).out)
      .to.contain('--dead-letter')
      .and.to.contain('Order of effect');
  });

  it('shows its help and exits with 64 when it is told nothing', async () => {
    const { status, out, err } = await millrace([]);
    expect({ status, out }).to.deep.equal({ status: 64, out: '' });
    expect(err).to.contain('Usage: millrace');
  });

  it('gives wrong usage as JSON on stderr, where records would go to stdout', async () => {
    for (const args of [
      ['copy', 'a.csv', '-', '--slect', 'x', '--json'],
      ['copy', '--json', 'a.csv', '-', '--limit', 'x'],
      ['copy', 'a.xyz', '-', '--json'],
    ]) {
      const { status, out, err } = await millrace(args);
      expect({ status, out }).to.deep.equal({ status: 64, out: '' });
      expect(JSON.parse(err.split('\n')[1] as string)).to.include({ status: 'failed' });
    }
    expect((await millrace(['copy', '-', 'b.csv', '--json', '--slect', 'x'])).out).to.contain('"failed"');
  });

  it('gives wrong usage as JSON too, where JSON was asked for', async () => {
    const { status, out } = await millrace(['copy', 'a.csv', 'b.csv', '--limit', 'x', '--json']);
    expect(status).to.equal(64);
    expect((JSON.parse(out) as { error: object }).error).to.include({ code: 'USAGE', stage: null });
  });
});
