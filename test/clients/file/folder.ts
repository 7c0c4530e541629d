import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A folder of its own for each test of a suite, removed with all that is in it. */
export function freshFolder(): { at: (name: string) => string; names: () => string[]; text: (name: string) => string } {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-test-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return {
    at: name => path.join(folder, name),
    names: () => readdirSync(folder).sort(),
    text: name => readFileSync(path.join(folder, name), 'utf8'),
  };
}
