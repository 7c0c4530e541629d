// What the documents say is so: their commands and programs are run, their links lead somewhere, their tables have what the code has.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { globSync } from 'tinyglobby';
import type { z } from 'zod';
import { csvOptions } from '../lib/formats/csv/index.ts';
import { postgresKind as postgresSink } from '../sinks/postgres.ts';
import { postgresTablesKind as tablesSink } from '../sinks/postgres-tables.ts';
import { postgresKind as postgresSource } from '../sources/postgres.ts';
import { postgresTablesKind as tablesSource } from '../sources/postgres-tables.ts';
import { complaintsAbout, runsAsWritten } from './document-session.ts';
import { blocksOf, readDocument } from './markdown.ts';
import { freshDatabase, startPostgres } from './services/postgres.ts';
import { root, sourceFiles } from './source-tree.ts';

const documents = ['README.md', 'CHANGELOG.md', 'examples/README.md', ...globSync('docs/*.md', { cwd: root }).sort()];

/** What README.md has made by the time its readers come here. */
const SETUP = [
  'alias millrace="$PWD/dist/lib/cli/main.js"',
  'mkdir try && cd try',
  "millrace copy 'generate:?rows=1000&seed=7&columns=id,customer,email,amount,active,created' orders.csv --quiet",
  "printf 'id,name,age\\n1,Åse,41\\n2,Bo,unknown\\n3,Carla,29\\n' > people.csv",
];

for (const path of documents.filter(document => document.startsWith('docs/'))) {
  if (blocksOf(path).every(({ language }) => language === '')) continue;
  describe(path, function () {
    this.timeout(180_000);
    runsAsWritten(path, {
      setup: SETUP,
      prepare: async () => {
        for (const name of ['shop', 'reports']) await freshDatabase(name);
        const { port } = await startPostgres();
        // Examples of plain streams are no place for the word that they have no report.
        const NODE_OPTIONS = '--conditions=millrace:source --disable-warning=MILLRACE_PLAIN_STREAM';
        return { env: { NODE_OPTIONS, PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'postgres' } };
      },
    });
  });
}

describe('README.md and the documents', () => {
  it('have programs that compile with the strictest options', async function () {
    this.timeout(120_000);
    expect(await complaintsAbout(documents)).to.deep.equal([]);
  });

  it('link to what is there', () => {
    const dead = documents.flatMap(path =>
      [...readDocument(path).matchAll(/\]\((?!https?:)([^)#]*)(#[^)]*)?\)/g)].flatMap(([, target = '', anchor = '']) => {
        const file = target === '' ? path : join(dirname(path), target);
        if (!existsSync(join(root, file))) return [`${path}: ${target}`];
        return anchor === '' || anchorsOf(file).includes(anchor) ? [] : [`${path}: ${target}${anchor}`];
      }),
    );
    expect(dead).to.deep.equal([]);
  });

  it('are all reached from README.md', () => {
    const text = readDocument('README.md');
    expect(documents.filter(path => path.startsWith('docs/') && !text.includes(`(${path})`))).to.deep.equal([]);
  });

  it('are named in the source only where they are there', () => {
    const files = sourceFiles();
    const named = files.flatMap(({ path, text }) => [...text.matchAll(/\bdocs\/[\w-]+\.md/g)].map(([name]) => ({ path, name })));
    expect(named.length).to.be.greaterThan(3);
    expect(named.filter(({ name }) => !existsSync(join(root, name))).map(({ path, name }) => `${path}: ${name}`)).to.deep.equal([]);
  });
});

describe('docs/files.md', () => {
  it('has every option of CSV with its default', () => {
    const rows = [...readDocument('docs/files.md').matchAll(/^\| (`[\w`, ]+`) +\| *(.*?) *\|/gm)];
    const told = rows.flatMap(([, names = '', fallback = '']) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name]) => [name, fallback.replaceAll('`', '')] as const),
    );
    const known = Object.entries(csvOptions.shape).map(([name, field]) => [name, defaultOf(field)] as const);
    expect(Object.fromEntries(told)).to.deep.equal(Object.fromEntries(known));
  });
});

describe('docs/postgres.md and docs/whole-databases.md', () => {
  it('have every option of the sources and the sinks, and no other', () => {
    const text = readDocument('docs/postgres.md') + readDocument('docs/whole-databases.md');
    const rows = [...text.matchAll(/^\| (`[\w`, ]+`) +\|/gm)];
    const told = rows.flatMap(([, names = '']) => [...names.matchAll(/`(\w+)`/g)].map(match => match[1] as string));
    const kinds = [postgresSource, postgresSink, tablesSource, tablesSink];
    const known = kinds.flatMap(({ definition }) => Object.keys(definition.options.shape));
    expect([...new Set(told)].sort()).to.deep.equal([...new Set(known)].sort());
  });
});

describe('docs/dependencies.md', () => {
  it('has a reason for every dependency, and no other', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, Record<string, string>>;
    const rows = [...readDocument('docs/dependencies.md').matchAll(/^\| (`[^|]+`) +\|/gm)];
    const told = rows.flatMap(([, names = '']) => [...names.matchAll(/`([^`]+)`/g)].map(match => match[1] as string));
    const { dependencies, peerDependencies, devDependencies } = manifest;
    expect([...new Set(told)].sort()).to.deep.equal(Object.keys({ ...dependencies, ...peerDependencies, ...devDependencies }).sort());
  });

  it('every dependency is used', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object };
    const imported = new Set(sourceFiles().flatMap(file => file.imports.map(({ specifier }) => specifier.split('/')[0])));
    expect(Object.keys(dependencies).filter(name => !imported.has(name))).to.deep.equal([]);
  });
});

describe('examples/README.md', () => {
  it('lists every example', () => {
    const text = readDocument('examples/README.md');
    const files = globSync('examples/*.ts', { cwd: root }).map(path => path.slice('examples/'.length));
    expect(files.length).to.be.greaterThan(5);
    expect(files.filter(name => !text.includes(`](${name})`))).to.deep.equal([]);
  });
});

function defaultOf(field: z.ZodType): string {
  const { defaultValue } = field.def as { defaultValue?: string | number | boolean };
  return defaultValue === undefined ? '' : String(defaultValue);
}

/** As GitHub makes them of headings. */
function anchorsOf(path: string): string[] {
  const headings = readDocument(path).matchAll(/^#+ (.*)$/gm);
  return Array.from(
    headings,
    ([, heading = '']) =>
      `#${heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-')}`,
  );
}
