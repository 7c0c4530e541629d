// The rules of the house that a machine can check, read from the source itself.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';
import { ERROR_CODES } from '../lib/errors.ts';
import { type Import, root, type SourceFile, sourceFiles } from './source-tree.ts';

/** A file may import from its own room and from those on lines before its own. Rooms on one line never see each other. */
const ORDER: readonly (readonly string[])[] = [
  ['errors'],
  ['values'],
  ['schema'],
  ['query'],
  ['core'],
  ['formats', 'highland', 'testing'],
  ['clients/host'],
  ['clients/postgres', 'clients/elasticsearch', 'clients/s3', 'clients/file'],
  ['operators', 'sources', 'sinks'],
  ['database'],
  ['dataframe', 'migration'],
  ['config'],
  ['index'],
  ['cli'],
];

/** What an operator and the engine may use of Node and of others: nothing that reaches out of the process. */
const INNER = [
  'node:assert',
  'node:buffer',
  'node:crypto',
  'node:events',
  'node:module',
  'node:stream',
  'node:timers',
  'node:util',
  'zod',
  'highland',
];

/** Clients of backends: each is loaded when its kind is used, not when Millrace is. */
const CLIENTS = ['pg', 'pg-query-stream', '@elastic/elasticsearch', '@aws-sdk/client-s3'];

const MOST_LINES = 300;

const files = sourceFiles();

describe('the rooms', () => {
  it('each file imports from its own room and those before it', () => {
    const wrong = files.flatMap(file =>
      file.imports.filter(i => i.file !== undefined && !mayImport(file.path, i.file)).map(i => `${file.path} imports ${i.file}`),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('every file stands in a room, and none of the public folders holds another', () => {
    const homeless = files.map(file => file.path).filter(path => rankOf(path) === undefined);
    expect(homeless, 'add the room to ORDER in this file, in its place').to.deep.equal([]);
  });

  it('relative imports name a file that is there, with its extension', () => {
    const wrong = files.flatMap(file =>
      file.imports
        .filter(i => i.file !== undefined && !(i.file.endsWith('.ts') && existsSync(join(root, i.file))))
        .map(i => `${file.path}: ${i.specifier}`),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('no files import each other in a circle at run time', () => {
    expect(circles()).to.deep.equal([]);
  });

  it('operators and everything up to the engine touch no client, file or network', () => {
    const inner = files.filter(file => (rankOf(file.path) ?? 99) <= rankIn('core') || roomOf(file.path) === 'operators');
    expect(inner.length, 'the rooms were found').to.be.greaterThan(20);
    expect(outside(inner, INNER.concat('re2js'))).to.deep.equal([]);
  });

  it('the conformance suites need no test runner: the engine and node:assert only', () => {
    const suites = files.filter(file => roomOf(file.path) === 'testing');
    expect(suites.length).to.be.greaterThan(0);
    expect(outside(suites, INNER)).to.deep.equal([]);
  });

  it('a client of a backend stands in its own room, and is loaded when its kind is used, not when Millrace is', () => {
    const isClient = (i: Import): boolean => i.isValue && CLIENTS.includes(packageOf(i.specifier));
    const strange = files.filter(file => !file.path.startsWith('lib/clients/') && file.imports.some(isClient));
    expect(strange.map(file => file.path)).to.deep.equal([]);
    const loaded = loadedWith('lib/index.ts').concat(loadedWith('lib/testing/index.ts'));
    expect(
      loaded.flatMap(file => file.imports.filter(i => isClient(i) && !i.isDynamic).map(i => `${file.path}: ${i.specifier}`)),
    ).to.deep.equal([]);
  });

  it('what is imported from npm is a dependency', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: object;
      optionalDependencies?: object;
      peerDependencies?: object;
    };
    const known = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies });
    const isForeign = (i: Import): boolean => i.file === undefined && i.isValue && !i.specifier.startsWith('node:');
    const wrong = files.flatMap(file =>
      file.imports.filter(i => isForeign(i) && !known.includes(packageOf(i.specifier))).map(i => `${file.path}: ${i.specifier}`),
    );
    expect(wrong).to.deep.equal([]);
  });
});

describe('the source', () => {
  it(`no file is longer than ${MOST_LINES} lines`, () => {
    const long = files
      .map(file => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > MOST_LINES);
    expect(long.map(({ path, lines }) => `${path} has ${lines} lines: it holds two ideas, find the seam`)).to.deep.equal([]);
  });

  it('nothing is typed `any`, or asserted not to be null with `!`', () => {
    expect(files.flatMap(untyped)).to.deep.equal([]);
  });

  it('nothing is left for later', () => {
    const marks = /\b(TODO|FIXME|XXX|HACK)\b|not implemented/i;
    const found = files.flatMap(file =>
      lines(file)
        .filter(([, line]) => marks.test(line))
        .map(([number]) => `${file.path}:${number}`),
    );
    expect(found).to.deep.equal([]);
  });

  it('code is generated only where it can do without', () => {
    const generating = files.filter(file => /\bnew Function\(/.test(file.text));
    expect(generating.length, 'the pattern finds something').to.be.greaterThan(0);
    expect(
      generating.filter(file => !/\bcatch\b/.test(file.text)).map(file => file.path),
      'a fallback where code generation is off',
    ).to.deep.equal([]);
  });

  it('files are named in kebab case, and none is a drawer for what has no place', () => {
    const names = files.map(file => file.path.split('/').at(-1) as string);
    expect(
      names.filter(name => !/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(name) || /^(utils?|helpers?|common|misc)\.ts$/.test(name)),
    ).to.deep.equal([]);
  });
});

describe('the tests', () => {
  it('every kind is tested in the folder of its room, or in the conformance suites', () => {
    const kinds = files.filter(
      file => /^(operators|sinks|sources)\//.test(file.path) && /\bdefine(Operator|Sink|Source)[<(]/.test(file.text),
    );
    expect(kinds.length).to.be.greaterThan(10);
    const tests = sourceFiles(['test/conformance', 'test/operators', 'test/sinks', 'test/sources']);
    const tested = new Set(tests.flatMap(test => test.imports.map(i => i.file)));
    expect(kinds.map(file => file.path).filter(path => !tested.has(path))).to.deep.equal([]);
  });

  it('none is skipped, alone or conditional', () => {
    const tests = sourceFiles(['test']).filter(file => file.path !== 'test/architecture.test.ts');
    const marks = /\b(it|describe|context)\.(only|skip)\(|\bthis\.skip\(|\bx(it|describe)\(/;
    expect(
      tests.flatMap(file =>
        lines(file)
          .filter(([, line]) => marks.test(line))
          .map(([number]) => `${file.path}:${number}`),
      ),
    ).to.deep.equal([]);
  });
});

describe('docs/errors.md', () => {
  it('explains every error code with its exit status, and no other', () => {
    const rows = readFileSync(join(root, 'docs/errors.md'), 'utf8').matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm);
    const codes = Array.from(rows, ([, code, status]) => `${code} ${status}`);
    expect(codes.sort()).to.deep.equal(
      Object.entries(ERROR_CODES)
        .map(([code, status]) => `${code} ${status}`)
        .sort(),
    );
  });

  it('every code is used somewhere', () => {
    const text = files
      .filter(file => file.path !== 'lib/errors.ts')
      .map(file => file.text)
      .join('\n');
    expect(Object.keys(ERROR_CODES).filter(code => !text.includes(`'${code}'`))).to.deep.equal([]);
  });
});

// ---------------------------------------------------------------- rooms

function roomOf(path: string): string {
  const [top = '', first = '', second = ''] = path.split('/');
  if (top !== 'lib') return top;
  return first === 'clients' ? `clients/${second}` : first.replace(/\.ts$/, '');
}

function rankOf(path: string): number | undefined {
  const rank = rankIn(roomOf(path));
  return rank < 0 ? undefined : rank;
}

function rankIn(room: string): number {
  return ORDER.findIndex(line => line.includes(room));
}

function mayImport(path: string, imported: string): boolean {
  return roomOf(path) === roomOf(imported) || (rankOf(imported) ?? 99) < (rankOf(path) ?? -1);
}

/** `pg/lib/x.js` → `pg`, `@aws-sdk/client-s3/y` → `@aws-sdk/client-s3`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Imports of modules other than these (their subpaths, `node:stream/promises`, are among them). */
function outside(of: readonly SourceFile[], allowed: readonly string[]): string[] {
  return of.flatMap(file =>
    file.imports.filter(i => i.file === undefined && !allowed.includes(packageOf(i.specifier))).map(i => `${file.path}: ${i.specifier}`),
  );
}

/** This file and all that is loaded with it, before any `import()` runs. */
function loadedWith(path: string, seen = new Map<string, SourceFile>()): SourceFile[] {
  const file = files.find(one => one.path === path);
  if (file === undefined || seen.has(path)) return [];
  seen.set(path, file);
  for (const imported of loadedAtOnce(file)) loadedWith(imported, seen);
  return [...seen.values()];
}

function loadedAtOnce(file: SourceFile): string[] {
  return file.imports.flatMap(i => (i.isValue && !i.isDynamic && i.file !== undefined ? [i.file] : []));
}

/** Circles of imports that stand at the head of files: each begins at its first file in path order. */
function circles(): string[] {
  const next = new Map(
    files.map(file => [file.path, file.imports.flatMap(i => (i.isValue && !i.isDynamic && i.file !== undefined ? [i.file] : []))]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (trail.includes(path) || done.has(path)) return;
    for (const imported of next.get(path) ?? []) visit(imported, [...trail, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return found;
}

// ---------------------------------------------------------------- source

function lines(file: SourceFile): [number, string][] {
  return file.text.split('\n').map((line, i) => [i + 1, line]);
}

/** Places of `any` and `!` without an explained exception on the line before. */
function untyped(file: SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword || ts.isNonNullExpression(node)) {
      const { line } = file.syntax.getLineAndCharacterOfPosition(node.getStart());
      const before = file.text.split('\n')[line - 1] ?? '';
      if (!/eslint-disable-next-line \S+ -- \w+/.test(before)) found.push(`${file.path}:${line + 1}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file.syntax);
  return found;
}
