import { execFileSync } from 'node:child_process';
import { createWriteStream, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { readFile } from '../../../lib/clients/file/read.ts';
import { folderFor } from '../../cli/millrace.ts';

describe('a named pipe', () => {
  const folder = folderFor({ after });
  const pipe = (name: string): string => {
    execFileSync('mkfifo', [path.join(folder, name)]);
    return path.join(folder, name);
  };
  const open = (): number => readdirSync('/proc/self/fd').length;

  it('is waited for, and read until its writer has closed it', async () => {
    const named = pipe('whole');
    setTimeout(() => createWriteStream(named).end('x'.repeat(300_000)), 50);
    let length = 0;
    for await (const chunk of readFile(named, { signal: new AbortController().signal })) length += chunk.length;
    expect(length).to.equal(300_000);
  });

  it('is given up at the signal, whether a writer came or not, and leaves nothing open', async () => {
    const named = pipe('given-up');
    const before = open();
    for (const hasWriter of [false, true]) {
      const writer = hasWriter ? createWriteStream(named, { flags: 'r+' }) : undefined;
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), 50);
      for await (const chunk of readFile(named, { signal: stop.signal })) expect(chunk).to.have.length(0);
      clearTimeout(timer);
      await new Promise<void>(resolve => (writer === undefined ? resolve() : writer.close(() => resolve())));
    }
    await new Promise(resolve => setImmediate(resolve));
    expect(open()).to.equal(before);
  });

  it('is let go of when there is enough, though more may come', async () => {
    const named = pipe('enough');
    const writer = createWriteStream(named, { flags: 'r+' });
    writer.write('one');
    const seen: number[] = [];
    for await (const chunk of readFile(named, { signal: new AbortController().signal })) {
      seen.push(chunk.length);
      if (chunk.length === 0) break;
    }
    expect(seen).to.deep.equal([3, 0]);
    await new Promise<void>(resolve => writer.close(() => resolve()));
  });
});
