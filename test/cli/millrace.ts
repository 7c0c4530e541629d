/** Runs the command line from its source, as a process of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
}

export interface Given {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

const MAIN = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url));
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** The program and its first arguments. */
export const COMMAND: readonly string[] = [process.execPath, '--conditions=millrace:source', '--import', TSX, MAIN];

/** `millrace …` to its end. Standard input is `input`, and empty without one. */
export function millrace(args: readonly string[], { input = '', ...given }: Given = {}): Promise<Ended> {
  const { child, ended } = start(args, given);
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return ended;
}

/** `millrace …` while it runs. */
export function start(args: readonly string[], given: Omit<Given, 'input'> = {}): Running {
  return startScript([MAIN, ...args], given);
}

/** Any script of the source tree, run the same way. */
export function startScript(args: readonly string[], { env = {}, cwd }: Omit<Given, 'input'> = {}): Running {
  const child = spawn(process.execPath, ['--conditions=millrace:source', '--import', TSX, ...args], {
    env: { ...process.env, MILLRACE_STACK: '', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<Ended>(resolve => child.on('close', status => resolve({ status, out, err })));
  return { child, ended };
}

/** A folder for one test file, removed behind it. */
export function folderFor(hooks: { after(remove: () => void): void }): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-cli-'));
  hooks.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Waits until `isSo`, looking every few milliseconds; fails loudly when it never is, or when the child has ended before. */
export async function until({ child }: Running, isSo: () => boolean, what: string, limitMs = 20_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!isSo()) {
    if (child.exitCode !== null) throw new Error(`the command ended before ${what}`);
    if (Date.now() > end) throw new Error(`${what} did not happen within ${limitMs} ms`);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}

/** So many at a time: each is a process. */
export async function inParallel<T, R>(items: readonly T[], run: (item: T) => Promise<R>, width = 3): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await run(items[at] as T);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
