// The package as npm would publish it: what is in it, what the linters of packages say, and whether a stranger can use it.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { buildIfStale } from './services/dist.ts';
import { root } from './source-tree.ts';

const run = promisify(execFile);
const bin = (name: string): string => join(root, 'node_modules/.bin', name);

describe('the package', function () {
  this.timeout(180_000);
  let folder: string | undefined;
  let tarball: string;
  let stranger: string;
  const inside: string[] = [];

  before(async () => {
    buildIfStale();
    const made = (folder = mkdtempSync(join(tmpdir(), 'millrace-package-')));
    const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', made], { cwd: root });
    inside.push(...packedFiles(stdout));
    tarball = join(made, readdirSync(made).find(name => name.endsWith('.tgz')) as string);
    stranger = await install(made, tarball);
  });

  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it('holds what is built, its source for debuggers, the documents and the examples, and nothing else', () => {
    const tops = new Set(inside.filter(path => path !== 'bench/RESULTS.md').map(path => path.split('/')[0]));
    expect([...tops].sort()).to.deep.equal([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'docs',
      'examples',
      'lib',
      'operators',
      'package.json',
      'sinks',
      'sources',
    ]);
    expect(inside.filter(path => /test|bench\/(?!RESULTS)|\.tsbuildinfo$/.test(path) && !path.includes('/testing/'))).to.deep.equal([]);
    expect(inside).to.include.members([
      'dist/lib/index.js',
      'dist/lib/index.d.ts',
      'dist/lib/cli/main.js',
      'dist/lib/testing/index.js',
      'docs/concepts.md',
      'examples/README.md',
    ]);
  });

  it('publint finds nothing', async () => {
    const { stdout } = await run(bin('publint'), ['run', tarball, '--strict'], { cwd: root });
    expect(stdout).to.include('All good!');
  });

  it('its types are right for who imports it (attw)', async () => {
    const { stdout } = await run(bin('attw'), [tarball, '--profile', 'esm-only', '--format', 'json', '--no-definitely-typed'], {
      cwd: root,
      maxBuffer: 1 << 26,
    });
    const { analysis, problems } = JSON.parse(stdout) as {
      analysis: { entrypoints: object };
      problems: Record<string, { resolutionKind?: string }[]>;
    };
    expect(Object.keys(analysis.entrypoints)).to.include.members(['.', './testing']);
    // Whoever resolves as Node 10 did, or by require, is not served: the package is ESM only.
    const served = Object.values(problems)
      .flat()
      .filter(({ resolutionKind }) => resolutionKind !== 'node10' && resolutionKind !== 'node16-cjs');
    expect(served).to.deep.equal([]);
  });

  it('can be imported by a stranger, and then no client of a backend is loaded', async () => {
    const script = `
      import { createRequire } from 'node:module';
      import { from, pipeline, to, filter } from 'millrace';
      import { sourceCases } from 'millrace/testing';
      const seen = [];
      const report = await pipeline(from.records([{ id: 1 }, { id: 2 }]), filter({ id: 2 }), to.function(row => { seen.push(row.id); }));
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter(path => /node_modules\\/(pg|highland|pg-[a-z-]+)\\//.test(path));
      console.log(JSON.stringify({ seen, read: report.read, written: report.written, cases: typeof sourceCases, loaded }));`;
    writeFileSync(join(stranger, 'use.mjs'), script);
    const { stdout } = await run(process.execPath, ['use.mjs'], { cwd: stranger });
    expect(JSON.parse(stdout)).to.deep.equal({ seen: [2], read: 2, written: 1, cases: 'function', loaded: [] });
  });

  it('gives a stranger its types, who checks those of libraries too (no skipLibCheck)', async () => {
    const script = `
      import { filter, from, pipeline, to, type Report } from 'millrace';
      import { type Case, operatorCases } from 'millrace/testing';
      const report: Report = await pipeline(from.records([{ id: 1, name: 'a' }]), filter(row => row.name.length > 0), to.file('x.csv'));
      // @ts-expect-error no such column
      await pipeline(from.records([{ id: 1, name: 'a' }]), filter(row => row.nmae.length > 0), to.file('x.csv'));
      export const cases: readonly Case[] = operatorCases({ open: () => filter<{ id: number }>({ id: 1 }), input: [{ id: 1 }], expected: [{ id: 1 }] });
      report.written.toFixed();`;
    writeFileSync(join(stranger, 'use.ts'), script);
    const compilerOptions = {
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable', 'dom'],
      module: 'nodenext',
      strict: true,
      noEmit: true,
      types: ['node'],
    };
    writeFileSync(join(stranger, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
    expect(await compile(stranger)).to.equal('');
  });

  it('brings the command', async () => {
    const { stdout } = await run(join(stranger, 'node_modules/.bin/millrace'), ['--version'], { cwd: stranger });
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(stdout.trim()).to.equal(version);
  });
});

/** npm 10 and 11 print an array, later ones an object by name. */
function packedFiles(json: string): string[] {
  const printed = JSON.parse(json) as Record<string, { files: { path: string }[] }>;
  return Object.values(printed).flatMap(({ files }) => files.map(file => file.path));
}

/** Unpacked as npm would, its dependencies (and the types of Node) linked from here: no network. */
async function install(folder: string, tarball: string): Promise<string> {
  const project = join(folder, 'project');
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', modules]);
  cpSync(join(modules, 'package'), join(modules, 'millrace'), { recursive: true });
  rmSync(join(modules, 'package'), { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  const manifest = JSON.parse(readFileSync(join(modules, 'millrace/package.json'), 'utf8')) as {
    dependencies: object;
    bin: { millrace: string };
  };
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) link(name, modules);
  symlinkSync(join(modules, 'millrace', manifest.bin.millrace), join(modules, '.bin/millrace'));
  return project;
}

function link(name: string, modules: string): void {
  if (name.startsWith('@')) mkdirSync(join(modules, name.split('/')[0] as string), { recursive: true });
  if (!existsSync(join(modules, name))) symlinkSync(join(root, 'node_modules', name), join(modules, name));
}

/** What the compiler prints; empty when all is well. */
async function compile(project: string): Promise<string> {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  return run(process.execPath, [compiler, '-p', project]).then(
    () => '',
    (error: unknown) => (error as { stdout: string }).stdout,
  );
}
