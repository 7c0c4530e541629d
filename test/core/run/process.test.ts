// What a process does around runs: it ends by itself once they are over, and not well while one is not.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { root } from '../../source-tree.ts';

interface Ended {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

function program(body: string): Promise<Ended> {
  const text = `import * as millrace from ${JSON.stringify(join(root, 'lib/index.ts'))};\n
    const { filter, from, mapAsync, pipeline, take, through, to } = millrace;\n
    async function main() {\n${body}\n}\nmain();`;
  return new Promise(resolve => {
    const child = execFile(
      process.execPath,
      ['--conditions=millrace:source', '--import', 'tsx', '--input-type=module', '--eval', text],
      { cwd: root, timeout: 20_000 },
      (error, output, errors) => resolve({ status: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, output, errors }),
    );
    child.stdin?.end();
  });
}

describe('a process', () => {
  it('ends by itself after runs that ended well, failed, were cancelled, drained, or had enough', async () => {
    const { status, output, errors } = await program(`
      async function* slowly() { for (let id = 0; ; id++) { await new Promise(resolve => setTimeout(resolve, 1)); yield { id }; } }
      const never = () => new Promise(() => undefined);
      const soon = () => { const abort = new AbortController(); setTimeout(() => abort.abort(), 20); return abort.signal; };
      const codes = [];
      const told = running => running.then(({ status }) => codes.push(status), ({ code }) => codes.push(code));
      await told(pipeline(from.generate({ rows: 10_000 }), to.null(), { onProgress() {}, signal: new AbortController().signal }));
      await told(pipeline(from.generate({ rows: 10_000 }), filter(() => { throw new Error('no'); }), to.null()));
      await told(pipeline(from.records(slowly()), take(3), to.null()));
      await told(pipeline(from.records(slowly()), to.null(), { signal: soon() }));
      await told(pipeline(from.records(slowly()), to.null(), { drain: soon() }));
      await told(pipeline(from.generate({ rows: 10 }), mapAsync(never), to.null(), { signal: soon() }));
      await told(pipeline(from.generate({ rows: 10 }), through(new TransformStream({ transform: never })), to.null(), { signal: soon() }));
      for await (const row of from.records(slowly())) if (row.id > 2) break;
      for await (const row of from.records(slowly()).pipe(filter(() => true))) if (row.id > 2) break;
      console.log(codes.join(' '));
    `);
    expect(errors.replace(/^.*(MillraceWarning|--trace-warnings).*\n/gm, '')).to.equal('');
    expect(output.trim()).to.equal('ok OPERATOR_THREW ok CANCELLED stopped CANCELLED CANCELLED');
    expect(status).to.equal(0);
  });

  it('does not end well while a run waits for a stage that never answers', async () => {
    const { status, output, errors } = await program(`
      async function* stuck() { yield { id: 1 }; await new Promise(() => undefined); }
      await pipeline(from.generate({ rows: 10 }), mapAsync(() => new Promise(() => undefined)), to.null()).catch(({ code }) => console.log(code));
      await pipeline(from.records(stuck()), to.null());
      console.log('it ended well');
    `);
    expect(output).to.equal('NOT_SETTLED\n');
    expect(errors).to.include('a stage never answered');
    expect(errors).to.include("code: 'NOT_SETTLED'");
    expect(status).to.equal(1);
  });
});
