/** Runs a document as a reader would: its commands and programs in their order, in one shell and one folder; what it shows has to be printed. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { assertShown, type Block, blocksOf, commandsOf } from './markdown.ts';
import { builtCommand } from './services/dist.ts';
import { root } from './source-tree.ts';

/** A command, or a program that no command of the document runs. */
interface Step {
  readonly text: string;
  readonly line: number;
  readonly expected: readonly string[];
}

export interface Prepared {
  readonly env?: NodeJS.ProcessEnv;
  /** What is run in the place of a command. */
  readonly change?: (text: string) => string;
}

export interface DocumentOptions {
  /** Commands that are not run, and why. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** What the document takes for granted: run before, and nothing of it is compared. */
  readonly setup?: readonly string[];
  readonly prepare?: () => Promise<Prepared>;
}

/** To be called in a `describe`: a test for each command and program of the document. */
export function runsAsWritten(path: string, { elsewhere = {}, setup = [], prepare }: DocumentOptions = {}): void {
  const blocks = blocksOf(path);
  const programs = programsOf(blocks);
  const steps = stepsOf(blocks, programs).filter(({ text }) => elsewhere[text] === undefined);
  const results = new Map<Step, { status: number; printed: string }>();
  let folder = '';

  before(async () => {
    builtCommand();
    folder = mkdtempSync(join(tmpdir(), 'millrace-document-'));
    likeTheRepository(folder);
    const { env = {}, change = (text: string) => text } = (await prepare?.()) ?? {};
    const sections = (await runShell(scriptOf(steps, programs, { setup, change }), folder, env)).split('\u001e').slice(1);
    for (const [i, step] of steps.entries())
      results.set(step, { printed: (sections[2 * i] ?? '').replace(/^\n/, ''), status: Number(sections[2 * i + 1] ?? 'not reached') });
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('has only blocks that are run, or shown with what is run', () => {
    const languages = blocks.map(({ language }) => language).filter(language => language !== 'console' && language !== 'ts');
    expect(languages, 'blocks of another language').to.deep.equal([]);
    const all = blocks.filter(({ language }) => language === 'console').flatMap(commandsOf);
    expect(
      Object.keys(elsewhere).filter(text => !all.some(command => command.text === text)),
      'left out, though it is not there',
    ).to.deep.equal([]);
  });

  for (const [i, step] of steps.entries()) {
    it(`line ${step.line}: ${step.text.slice(0, 100)}`, () => {
      const { printed, status } = results.get(step) as { status: number; printed: string };
      const showsStatus = steps[i + 1]?.text === 'echo $?';
      if (!showsStatus) expect(status, printed).to.equal(0);
      assertShown(printed, step.expected);
    });
  }
}

/** What the compiler, told to be strict, has to say of the programs of these documents; empty when all is well. */
export async function complaintsAbout(documents: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-programs-'));
  try {
    likeTheRepository(folder);
    const files: string[] = [];
    for (const path of documents) {
      for (const { text, line } of programsOf(blocksOf(path)).keys()) {
        files.push(`${path.replaceAll('/', '-')}-${line}.ts`);
        writeFileSync(join(folder, files.at(-1) as string), text);
      }
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(root, 'tsconfig.json'), include: [], files }));
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const run = promisify(execFile)(process.execPath, [compiler, '-p', folder], { cwd: folder });
    const { stdout } = await run.catch((error: { stdout: string }) => error);
    // Faults of the library itself are found by others.
    return stdout.split('\n').filter(line => /^[\w.-]+\.md-\d+\.ts|^error/.test(line));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Programs with the names of their files; what shows a file of examples/ is that file. */
function programsOf(blocks: readonly Block[]): Map<Block, string> {
  const programs = new Map<Block, string>();
  for (const block of blocks) {
    if (block.language !== 'ts') continue;
    const name = /^\/\/ (\S+\.ts)\n/.exec(block.text)?.[1];
    if (name?.startsWith('examples/') === true) {
      const shown = block.text.slice(block.text.indexOf('\n') + 1);
      const file = readFileSync(join(root, name), 'utf8');
      if (!file.includes(shown)) throw new Error(`line ${block.line}: ${name} has not what is shown of it`);
    } else programs.set(block, name ?? `line-${block.line}.ts`);
  }
  return programs;
}

function stepsOf(blocks: readonly Block[], programs: ReadonlyMap<Block, string>): Step[] {
  const commands = blocks.filter(({ language }) => language === 'console').flatMap(commandsOf);
  return blocks.flatMap((block): Step[] => {
    if (block.language === 'console') return commandsOf(block);
    const name = programs.get(block);
    if (name === undefined || commands.some(({ text }) => text === `npx tsx ${name}`)) return [];
    return [{ text: `npx tsx ${name}`, line: block.line, expected: printedBy(block) }];
  });
}

/** What stands behind each console.log. */
function printedBy({ text }: Block): string[] {
  return [...text.matchAll(/^.*\bconsole\.log\(.*\); \/\/ (.*)$/gm)].map(match => match[1] as string);
}

/** A folder in which everything is found as in the repository, and new files do not get into it. */
function likeTheRepository(folder: string): void {
  for (const name of ['package.json', 'dist', 'lib', 'operators', 'sinks', 'sources', 'examples', 'node_modules'])
    symlinkSync(join(root, name), join(folder, name));
}

interface Script {
  readonly setup: readonly string[];
  readonly change: (text: string) => string;
}

/** Behind each step a mark with its exit status. A program is saved when its turn comes. */
function scriptOf(steps: readonly Step[], programs: ReadonlyMap<Block, string>, { setup, change }: Script): string {
  const lines = ['shopt -s expand_aliases', 'exec 2>&1', ...setup, 'printf "\\036"'];
  for (const { text } of steps) {
    const [program, name] = [...programs].find(([, file]) => text === `npx tsx ${file}`) ?? [];
    const saved = program === undefined ? '' : Buffer.from(program.text).toString('base64');
    if (name !== undefined) lines.push(`base64 -d > ${name} <<< '${saved}'`, 'true');
    // npx looks for a second for what node finds at once.
    lines.push(name === undefined ? change(text) : `node --import tsx ${name}`);
    lines.push('s=$?; printf "\\036$s\\036\\n"; (exit $s)');
  }
  return `${lines.join('\n')}\n`;
}

function runShell(script: string, folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const file = join(folder, 'session.sh');
  writeFileSync(file, script);
  const child = spawn('bash', ['--noprofile', '--norc', file], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '--conditions=millrace:source', COLUMNS: '160', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(out));
  });
}
