/**
 * What `npm run build` makes, for tests of the built command and of the package. `npm ci` has built it already; where it is missing or
 * older than the source it is built again, in a folder of its own that takes the place of `dist` when it is whole.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { globSync } from 'tinyglobby';

const root = join(import.meta.dirname, '../..');
const COMMAND = 'lib/cli/main.js';
let isFresh = false;

/** The built command, `millrace`: run it with `process.execPath`. */
export function builtCommand(): string {
  buildIfStale();
  return join(root, 'dist', COMMAND);
}

/** At most once a process. */
export function buildIfStale(): void {
  if (!isFresh && isStale()) build();
  isFresh = true;
}

function isStale(): boolean {
  const built = join(root, 'dist', COMMAND);
  if (!existsSync(built)) return true;
  const sources = globSync(['{lib,operators,sinks,sources}/**/*.ts', 'tsconfig*.json'], { cwd: root });
  const { mtimeMs } = statSync(built);
  return sources.some(path => statSync(join(root, path)).mtimeMs > mtimeMs);
}

function build(): void {
  const fresh = join(root, 'node_modules', `.millrace-dist-${process.pid}`);
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  try {
    execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', fresh], { cwd: root, encoding: 'utf8' });
    chmodSync(join(fresh, COMMAND), 0o755);
    rmSync(join(root, 'dist'), { recursive: true, force: true });
    renameSync(fresh, join(root, 'dist'));
  } catch (error) {
    throw new Error(`the build failed:\n${(error as { stdout?: string }).stdout ?? ''}`, { cause: error });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
