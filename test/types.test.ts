// What the compiler says of pipelines: right ones compile, wrong ones fail at the stage that is wrong, and an editor completes names.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';
import { root } from './source-tree.ts';

const WRONG = 'test/types/wrong.ts';
const EXPECTED = readdirSync(join(root, 'test/types')).map(name => `test/types/${name}`);

/** Files that exist only here, by their path from the root. */
const drafts = new Map<string, { version: number; text: string }>();

describe('types', () => {
  const service = ts.createLanguageService(languageHost(), ts.createDocumentRegistry());

  for (const path of EXPECTED) {
    it(`${path} compiles`, () => {
      expect(errors(path)).to.deep.equal([]);
    }).timeout(120_000);
  }

  it('a type that is merely assignable, any and a mistake that compiles are found', () => {
    const head = "import { type Is, is } from './is.ts';\n";
    for (const wrong of ['is<Is<1, number>>();', 'is<Is<any, number>>();', '// @ts-expect-error nothing is wrong\nis<Is<1, 1>>();'])
      expect(errors(draft('is.ts', `${head}${wrong}\n`)), wrong).to.have.length(1);
    expect(errors(draft('is.ts', `${head}is<Is<1 | 2, 2 | 1>>();\n`))).to.deep.equal([]);
  });

  describe('a mistake is marked at the stage that is wrong, and named', () => {
    const source = read(WRONG);
    const cases = Array.from(source.matchAll(/^\/\/ @ts-expect-error (.*)\n(.*)$/gm), ([, title = '', statement = '']) => ({
      title,
      statement,
    }));

    it('there are at least the fourteen of the design', () => {
      expect(cases.length).to.be.at.least(14);
      expect(source.match(/@ts-expect-error/g)).to.have.length(cases.length);
    });

    for (const { title, statement } of cases) {
      it(title, () => {
        const path = draft('wrong.ts', `${source.slice(0, source.indexOf('// @ts-expect-error'))}\n${statement}\n`);
        const found = service.getSemanticDiagnostics(path);
        const text = found.map(one => ts.flattenDiagnosticMessageText(one.messageText, '\n')).join('\n');
        const stage = wrongStage(path);
        expect(
          found.map(one => one.start !== undefined && one.start >= stage.start && one.start < stage.end),
          `marked within ${stage.text}:\n${text}`,
        ).to.deep.equal([true]);
        expect(text).to.include(stage.names);
      });
    }
  });

  it('an editor completes the names of the row inside an unfinished call', () => {
    const text = `import { filter, from, map, pipeline, project } from '../../lib/index.ts';
      pipeline(from.records([{ id: 1, country: 'NO' }]), map(row => ({ ...row, late: true })), filter(row => row.`;
    const names = service.getCompletionsAtPosition(draft('completion.ts', text), text.length, {})?.entries.map(entry => entry.name);
    expect(names).to.include.members(['id', 'country', 'late']);
  });

  it('an editor completes the columns of project', () => {
    const text = `import { from, pipeline, project } from '../../lib/index.ts';
      pipeline(from.records([{ id: 1, country: 'NO' }]), project('`;
    const names = service.getCompletionsAtPosition(draft('completion.ts', text), text.length, {})?.entries.map(entry => entry.name);
    expect(names).to.include.members(['id', 'country']);
  });

  it('forty pipelines of sixteen operators compile in a few seconds', () => {
    const operators = Array.from({ length: 16 }, (_, i) =>
      i % 2 === 0 ? `map(row => ({ ...row, n${i}: row.id }))` : `filter(row => row.n${i - 1} > ${i})`,
    );
    const line = `await pipeline(from.records([{ id: 1 }]), ${operators.join(', ')}, to.function(row => row.n14.toFixed()));`;
    const path = draft(
      'many.ts',
      `import { filter, from, map, pipeline, to } from '../../lib/index.ts';\n${`${line}\n`.repeat(40)}export {};\n`,
    );
    const start = performance.now();
    expect(errors(path)).to.deep.equal([]);
    expect(performance.now() - start).to.be.below(20_000);
  });

  function errors(path: string): string[] {
    const found = [...service.getSyntacticDiagnostics(path), ...service.getSemanticDiagnostics(path)];
    return found.map(one => {
      const line = one.file === undefined ? 0 : one.file.getLineAndCharacterOfPosition(one.start ?? 0).line + 1;
      return `${path}:${line}: ${ts.flattenDiagnosticMessageText(one.messageText, '\n')}`;
    });
  }

  /** The argument behind the mark `wrong: what the message must name`. */
  function wrongStage(path: string): { start: number; end: number; text: string; names: string } {
    const file = service.getProgram()?.getSourceFile(path);
    if (file === undefined) throw new Error(`${path} is not in the program`);
    let stage: { start: number; end: number; text: string; names: string } | undefined;
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node)) {
        for (const argument of node.arguments) {
          const names = /\/\* wrong: (.*?) \*\//.exec(argument.getFullText().slice(0, argument.getLeadingTriviaWidth()))?.[1];
          if (names !== undefined) stage = { start: argument.getStart(), end: argument.getEnd(), text: argument.getText(), names };
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
    if (stage === undefined) throw new Error('no stage is marked as wrong');
    return stage;
  }
});

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** A file beside the other type tests that is only in memory; its path. */
function draft(name: string, text: string): string {
  const path = `test/types/draft-${name}`;
  drafts.set(path, { version: (drafts.get(path)?.version ?? 0) + 1, text });
  return path;
}

/** The project's own options; the files of test/types and the drafts. */
function languageHost(): ts.LanguageServiceHost {
  const config = ts.parseConfigFileTextToJson('tsconfig.json', read('tsconfig.json')).config as { compilerOptions: object };
  const { options, errors } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root, 'tsconfig.json');
  if (errors.length > 0) throw new Error('tsconfig.json cannot be read');
  const relative = (path: string): string => (path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path);
  return {
    getCompilationSettings: () => options,
    getScriptFileNames: () => [...EXPECTED, ...drafts.keys()],
    getScriptVersion: path => String(drafts.get(relative(path))?.version ?? 0),
    getScriptSnapshot: path => {
      const text = drafts.get(relative(path))?.text ?? ts.sys.readFile(path);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: path => drafts.has(relative(path)) || ts.sys.fileExists(path),
    readFile: path => ts.sys.readFile(path),
    readDirectory: (...given) => ts.sys.readDirectory(...given),
    directoryExists: path => ts.sys.directoryExists(path),
    getDirectories: path => ts.sys.getDirectories(path),
  };
}
