import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { globSync } from 'tinyglobby';

const root = join(import.meta.dirname, '../..');

export interface MochaRun {
  /** 0: all passed, or are pending. */
  readonly code: number;
  readonly passing: number;
  readonly output: string;
}

/** Test files in a process of their own whose servers are of this major version. What that server has not is pending. `shown`: as it goes. */
export async function runOn(version: number, specs: readonly string[], { shown = false } = {}): Promise<MochaRun> {
  const mocha = [
    'node_modules/mocha/bin/mocha.js',
    '--no-config',
    '--file',
    'test/hooks.ts',
    '--timeout',
    '60000',
    '--reporter',
    'dot',
    '--exit',
  ];
  const files = globSync([...specs], { cwd: root }).sort();
  const child = spawn(process.execPath, ['--conditions=millrace:source', '--import', 'tsx', ...mocha, ...files], {
    cwd: root,
    env: { ...process.env, MILLRACE_POSTGRES: String(version) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const [stream, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const)
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (shown) to.write(text);
    });
  const code = await new Promise<number>((resolve, reject) => child.once('error', reject).once('close', code => resolve(code ?? 1)));
  return { code, passing: Number(/^ *(\d+) passing/m.exec(output)?.[1] ?? 0), output };
}
