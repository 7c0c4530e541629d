import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { startScript, until } from '../cli/millrace.ts';
import { assertShown, blocksOf, commandsOf } from '../markdown.ts';

const START = fileURLToPath(new URL('../../examples/start.ts', import.meta.url));

describe('npm start', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-example-'));
  // The server runs as another user where this one is root.
  before(() => chmodSync(folder, 0o777));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const left = (): string[] => readdirSync(folder).filter(name => name.startsWith('millrace-'));

  it('moves real data through two databases, counts them at every target, and cleans up', async () => {
    const { status, out, err } = await startScript([START], { env: { TMPDIR: folder } }).ended;
    expect(err).to.equal('');
    expect(status).to.equal(0);
    for (const step of [
      /→ flights +200,000 +0 +0 +200,000 +200,000/,
      /late_flights +43,145 +0 +0 +43,145 +43,145/,
      /movies +3,201 +0 +23 +3,178 +3,178/,
    ]) {
      expect(out).to.match(step);
    }
    const [shown] = blocksOf('README.md')
      .filter(({ language }) => language === 'console')
      .flatMap(commandsOf)
      .filter(({ text }) => text === 'npm start');
    assertShown(out, shown?.expected ?? []);
    expect(out).to.contain('22 × released: later than the data').and.to.contain('Cleaned up');
    expect(left()).to.deep.equal([]);
  });

  it('cleans up when it is interrupted', async () => {
    const running = startScript([START], { env: { TMPDIR: folder } });
    let out = '';
    running.child.stdout.on('data', (text: string) => (out += text));
    await until(running, () => out.includes('1. Files'), 'the first step');
    running.child.kill('SIGINT');
    const { status, err } = await running.ended;
    expect(err).to.contain('Stopped.');
    expect(out).to.contain('Cleaned up');
    expect(status).to.equal(130);
    expect(left()).to.deep.equal([]);
  });
});
