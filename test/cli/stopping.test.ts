import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { COMMAND, type Ended, folderFor, start, startScript, until } from './millrace.ts';

describe('stopping and ending', () => {
  const folder = folderFor({ after });
  const at = (name: string): string => path.join(folder, name);
  const beside = (name: string): string | undefined => readdirSync(folder).find(file => file.startsWith(`.${name}.`));
  const grows = (name: string): boolean => {
    const file = beside(name);
    return file !== undefined && statSync(at(file)).size > 0;
  };

  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`finishes what was read at the first ${signal}, says so, and exits with ${status}`, async () => {
      const running = start(['copy', 'generate:?rows=2000000000', at(`${signal}.ndjson`), '--json']);
      await until(running, () => grows(`${signal}.ndjson`), 'the first write');
      running.child.kill(signal);
      const result = await running.ended;
      const report = JSON.parse(result.out) as { status: string; read: number; written: number };
      expect(result.status).to.equal(status);
      expect(result.err).to.contain('stopping');
      const lines = readFileSync(at(`${signal}.ndjson`), 'utf8')
        .trimEnd()
        .split('\n');
      expect(report.status).to.equal('stopped');
      expect(report.written).to.equal(lines.length).and.to.equal(report.read).and.to.be.greaterThan(0);
      expect(JSON.parse(lines.at(-1)!)).to.have.property('id', lines.length);
    });
  }

  it('does not wait for somebody to type', async () => {
    const running = start(['copy', '-', at('typed.ndjson'), '--json', '--quiet']);
    running.child.stdin.write('{"a":1}\n');
    await until(running, () => beside('typed.ndjson') !== undefined, 'the opening of the target');
    running.child.kill('SIGINT');
    const { status, out } = await running.ended;
    expect(status).to.equal(130);
    expect(JSON.parse(out)).to.include({ status: 'stopped' });
    expect(beside('typed.ndjson')).to.equal(undefined);
  });

  it('gives up at once at the second signal, and leaves nothing half written', async () => {
    // Nobody reads the standard output, so that the first signal has to wait.
    const running = start(['copy', 'generate:?rows=2000000000', '-', '--dead-letter', at('letters.ndjson')]);
    let err = '';
    running.child.stderr.on('data', (text: string) => (err += text));
    running.child.stdout.pause();
    await until(running, () => running.child.stdout.readableLength > 0, 'the first write');
    running.child.kill('SIGINT');
    await until(running, () => err.includes('stopping'), 'the first stop');
    const start2 = Date.now();
    running.child.kill('SIGINT');
    await once(running.child, 'exit');
    expect(Date.now() - start2).to.be.lessThan(2500);
    running.child.stdout.resume();
    const { status } = await running.ended;
    expect(status).to.equal(130);
    expect(readdirSync(folder).filter(name => name.includes('letters'))).to.deep.equal([]);
  });

  it('ends quietly when the reader of a pipe goes away', async () => {
    for (const args of [
      ['copy', 'generate:?rows=2000000000', '-'],
      ['head', 'generate:?rows=2000000000', '--limit', '1000000', '--json'],
    ]) {
      const running = start(args);
      running.child.stdout.once('data', () => running.child.stdout.destroy());
      const { status, err } = await running.ended;
      expect({ status, err }).to.deep.equal({ status: 0, err: '' });
    }
  });

  it('says when what it prints is lost on a full disk', async () => {
    writeFileSync(at('some.csv'), 'a\n1\n');
    const shell = (command: string, redirect: string): Promise<Ended> =>
      new Promise(resolve => {
        execFile('sh', ['-c', `exec "$0" "$@" ${redirect}`, ...COMMAND, ...command.split(' ')], (error, out, err) =>
          resolve({ status: Number(error?.code ?? 0), out, err }),
        );
      });
    for (const command of [
      'kinds',
      `head ${at('some.csv')}`,
      `copy ${at('some.csv')} -`,
      `copy ${at('some.csv')} ${at('some-out.csv')} --json --quiet`,
    ]) {
      const { status, err } = await shell(command, '>/dev/full');
      expect({ status, err }, command).to.deep.equal({
        status: 74,
        err: 'millrace: standard output: writing it failed: no space is left [DISK_FULL]\n',
      });
    }
    expect((await shell('kinds', '2>/dev/full')).status).to.equal(0);
  });

  it('turns a command that never settles into an error, and an unexpected error into one line without its stack', async () => {
    const script = at('fault.mts');
    const exit = fileURLToPath(new URL('../../lib/cli/exit.ts', import.meta.url));
    writeFileSync(
      script,
      `import { runAndExit } from ${JSON.stringify(exit)};\nrunAndExit(() => (process.argv[2] === 'hang' ? new Promise(() => {}) : Promise.reject(new TypeError('x is\\nnot there'))));\n`,
    );
    const hung = await startScript([script, 'hang']).ended;
    expect(hung.status).to.equal(70);
    expect(hung.err).to.contain('[NOT_SETTLED]');
    const fault = await startScript([script]).ended;
    expect(fault.status).to.equal(70);
    expect(fault.err).to.equal(
      'millrace: internal error: x is not there; this is a fault of millrace, MILLRACE_STACK=1 shows where [INTERNAL]\n',
    );
    const shown = await startScript([script], { env: { MILLRACE_STACK: '1' } }).ended;
    expect(shown.err).to.match(/TypeError: x is\nnot there\n {4}at /);
    expect(existsSync(script)).to.equal(true);
  });
});
