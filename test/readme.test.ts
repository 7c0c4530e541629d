// Every command and every program of README.md is run, in its order, as a newcomer would; what README.md shows is what is printed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { operatorKinds } from '../operators/index.ts';
import { sinkKinds } from '../sinks/index.ts';
import { sourceKinds } from '../sources/index.ts';
import { startScript, until } from './cli/millrace.ts';
import { runsAsWritten } from './document-session.ts';
import { assertShown, blocksOf, commandsOf, readDocument } from './markdown.ts';
import { root } from './source-tree.ts';

/** Runs beside the others until the end; the line that it prints for other terminals takes the place of the one in README.md. */
const SERVER = 'npm run --silent postgres';

describe('README.md', function () {
  this.timeout(180_000);
  let served = '';
  let stop: () => Promise<unknown> = () => Promise.resolve();
  after(() => stop());

  runsAsWritten('README.md', {
    elsewhere: {
      'npm ci': 'it was run, or this test would not be',
      'npm start': 'test/examples/start.test.ts runs it, and compares what README.md shows',
      'npm test': 'this very run',
      [SERVER]: 'runs from before the first command to the end',
    },
    prepare: async () => {
      const server = startScript([scriptFile('postgres')]);
      stop = () => (server.child.kill('SIGINT'), server.ended);
      server.child.stdout.on('data', (text: string) => (served += text));
      await until(server, () => served.includes('Ctrl-C'), 'the server was there');
      const environment = /export .*/.exec(served)?.[0] ?? '';
      return { change: text => (text.startsWith('export PGHOST=') ? environment : text) };
    },
  });

  it('shows what the server of npm run postgres prints', () => {
    const shown = blocksOf('README.md')
      .filter(({ language }) => language === 'console')
      .flatMap(commandsOf)
      .find(({ text }) => text === SERVER);
    assertShown(served, shown?.expected ?? []);
  });

  it('lists the kinds that there are', () => {
    const listed = (title: string): string[] => {
      const table = new RegExp(`\\| ${title} \\|.*\\n\\|[-| ]+\\n((?:\\|.*\\n)+)`).exec(compact(readDocument('README.md')))?.[1] ?? '';
      return [...table.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name = '']) => name.replace('.', '-')).sort();
    };
    // One may be there in several forms.
    const names = (kinds: readonly { kind: string }[]): string[] => [...new Set(kinds.map(({ kind }) => kind))].sort();
    expect(listed('source')).to.deep.equal(names(sourceKinds));
    expect(listed('operator')).to.deep.equal(names(operatorKinds));
    expect(listed('sink')).to.deep.equal(names(sinkKinds));
  });
});

/** The program that a script of package.json runs. */
function scriptFile(name: string): string {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const path = scripts[name]?.split(' ').find(word => word.endsWith('.ts'));
  return join(root, path ?? `no script ${name} in package.json`);
}

/** Cells without the blanks that make columns. */
function compact(text: string): string {
  return text.replace(/ +\|/g, ' |').replace(/\| +/g, '| ');
}
