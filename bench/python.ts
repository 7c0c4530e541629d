/** A Python of the benchmarks' own with what `bench/python/` imports, made once; what it lacks comes from PyPI. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome, Place } from './job.ts';

const scripts = join(import.meta.dirname, import.meta.dirname.endsWith('.built') ? '../python' : 'python');
const environment = join(scripts, '.venv');

/** Path of its interpreter; undefined, and said why, where it cannot be made. */
export function pythonWithAdbc(said: (line: string) => void): string | undefined {
  const python = join(environment, 'bin/python');
  const isMade = join(environment, '.made');
  if (existsSync(isMade)) return python;
  try {
    rmSync(environment, { recursive: true, force: true });
    execFileSync('python3', ['-m', 'venv', environment], { stdio: 'pipe' });
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', '-r', join(scripts, 'requirements.txt')], { stdio: 'pipe' });
    writeFileSync(isMade, '');
    return python;
  } catch (error) {
    said(`no Python with ADBC: ${String(error).split('\n')[0]}`);
    return undefined;
  }
}

/** Runs a script of `bench/python/`, which prints its own Outcome: what it imports is not counted. */
export function runPython({ python = 'python3', source, target }: Place, script: string, ...given: string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [join(scripts, script), ...given], {
      env: { ...process.env, SOURCE: source, TARGET: target },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    child.once('error', reject);
    child.once('close', code => {
      if (code === 0) resolve(JSON.parse(printed) as Outcome);
      else reject(new Error(`${script}: exit ${code}`));
    });
  });
}
