/** The project's own source files, for the tests that read them: what each imports, and its syntax. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { globSync } from 'tinyglobby';
import ts from 'typescript';

export interface Import {
  /** As it is written: `./x.ts`, `zod`, `node:fs`. */
  readonly specifier: string;
  /** Path from the project's root, of a relative import. */
  readonly file: string | undefined;
  /** False when nothing of it is left at run time (`import type`). */
  readonly isValue: boolean;
  /** `import()`: loaded when that line runs. */
  readonly isDynamic: boolean;
}

export interface SourceFile {
  /** From the project's root, with slashes: `lib/core/define.ts`. */
  readonly path: string;
  readonly text: string;
  readonly syntax: ts.SourceFile;
  readonly imports: readonly Import[];
}

export const root = join(import.meta.dirname, '..');

/** Files of these folders, in path order. */
export function sourceFiles(folders: readonly string[] = ['lib', 'operators', 'sinks', 'sources']): SourceFile[] {
  const paths = folders.flatMap(folder => globSync(`${folder}/**/*.ts`, { cwd: root }));
  return paths
    .map(path => path.replaceAll('\\', '/'))
    .sort()
    .map(read);
}

function read(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const syntax = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  return { path, text, syntax, imports: importsOf(path, syntax) };
}

function importsOf(path: string, syntax: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const add = (specifier: string, isValue: boolean, isDynamic = false): void => {
    const file = specifier.startsWith('.') ? relative(root, join(root, dirname(path), specifier)).replaceAll('\\', '/') : undefined;
    found.push({ specifier, file, isValue, isDynamic });
  };
  const visit = (node: ts.Node): void => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      add(node.moduleSpecifier.text, isValueImport(node));
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
      add(node.argument.literal.text, false);
    } else if (ts.isCallExpression(node) && isLoader(node.expression) && node.arguments[0] && ts.isStringLiteral(node.arguments[0])) {
      add(node.arguments[0].text, true, true);
    }
    ts.forEachChild(node, visit);
  };
  visit(syntax);
  return found;
}

/** `import(…)`, and `require(…)` where it was made by createRequire. */
function isLoader(called: ts.Expression): boolean {
  return called.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(called) && called.text === 'require');
}

/** `import { type A }` counts: under verbatimModuleSyntax the module is loaded all the same. */
function isValueImport(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return !node.isTypeOnly;
  return node.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword;
}
