import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import type { Plan } from '../../lib/index.ts';
import { freshDatabase, PASSWORD_USER, sql } from '../services/postgres.ts';
import { type Ended, folderFor, inParallel, millrace, start, until } from './millrace.ts';

const planOf = ({ out }: Ended): Plan => JSON.parse(out) as Plan;

describe('millrace plan', () => {
  const folder = folderFor({ after });
  const at = (name: string): string => path.join(folder, name);
  const file = at('in.csv');
  let url: string;
  const table = (name: string): string => {
    const address = new URL(url);
    address.searchParams.set('table', name);
    return address.href.replaceAll('+', '%20');
  };
  before(async () => {
    url = await freshDatabase('cli_plan_test');
    writeFileSync(file, 'id,name\n1,Ada\n2,Bo\n');
    await sql(url, `CREATE TABLE "odd ""t%" ("a b" int, "e\u001b[31m\ny" text); CREATE TABLE t (id int8, name text)`);
  });

  it('prints where each stage runs, what is sent, what is made; and nothing is there afterwards', async () => {
    const { status, out, err } = await millrace(['plan', file, table('new'), '--where', 'id > 1', '--key', 'id']);
    expect({ status, err }).to.deep.equal({ status: 0, err: '' });
    expect(out).to.include(`0.  file      ${file}`).and.include('CREATE TABLE "new" (\n    "id" int8').and.include('PRIMARY KEY ("id")');
    expect(await sql(url, "SELECT to_regclass('new') AS oid")).to.deep.equal([{ oid: null }]);
    const again = await millrace(['plan', table('t'), at('out.ndjson.gz'), '--where', "name like 'A%'", '--limit', '3', '--json']);
    expect(planOf(again).stages.map(({ pushed }) => pushed)).to.deep.equal([undefined, true, true, undefined]);
    expect(planOf(again).stages[0]?.statements?.[0]).to.match(/^COPY \(SELECT .* LIMIT 3\) TO STDOUT/);
    expect(readdirSync(folder)).to.deep.equal(['in.csv']);
  });

  it('ends with the status that copy would have, and tells every problem as an error', async () => {
    const locked = new URL(url);
    Object.assign(locked, { username: PASSWORD_USER.user, password: 'hunter-2', search: '?table=t' });
    const nowhere = 'postgres://nobody@127.0.0.1:1/x?table=t';
    const cases: readonly [args: readonly string[], status: number, codes: readonly string[]][] = [
      [[file, table('t')], 73, ['EXISTS']],
      [[table('absent'), at('x.csv')], 66, ['NOT_FOUND']],
      [[at('absent.csv'), table('absent')], 66, ['NOT_FOUND']],
      [[locked.href, 'null:'], 77, ['AUTHENTICATION_FAILED']],
      [[nowhere, nowhere.replace('=t', '=u')], 69, ['UNREACHABLE']],
      [[nowhere, file], 69, ['UNREACHABLE', 'EXISTS']],
      [['generate:', at('x.csv'), '--select', 'nothing'], 64, ['COLUMN_UNKNOWN']],
      [[file, at('no/such/folder.csv')], 66, ['NOT_FOUND']],
      [[file, table('t'), '--mode', 'append', '--rename', 'name=nmae'], 64, ['COLUMN_UNKNOWN']],
      [['generate:', 'null:'], 0, []],
    ];
    await inParallel(cases, async ([args, status, codes]) => {
      const planned = await millrace(['plan', ...args, '--json']);
      expect(planned.status, args.join(' ')).to.equal(status);
      expect(planOf(planned).problems.map(({ code }) => code)).to.deep.equal(codes);
      expect(planned.err.match(/\[[A-Z_]+\]\n/g) ?? []).to.deep.equal(codes.map(code => `[${code}]\n`));
      expect(planned.out + planned.err).not.to.include('hunter-2');
      const copied = await millrace(['copy', ...args, '--quiet', '--retry-for', '0']);
      expect(copied.status, args.join(' ')).to.equal(status);
    });
  });

  it('says of a usage error what copy says, as JSON too', async () => {
    const { status, out, err } = await millrace(['plan', file, 'foo://x', '--json']);
    expect([status, planOf({ status, out, err }).problems[0]?.code]).to.deep.equal([64, 'ADDRESS_INVALID']);
    expect((await millrace(['plan', file, 'null:', '--wher', 'x'])).err).to.include('did you mean --where?');
  });

  it('--quiet prints only problems', async () => {
    expect(await millrace(['plan', file, 'null:', '--quiet'])).to.deep.equal({ status: 0, out: '', err: '' });
    expect((await millrace(['plan', file, table('t'), '--quiet'])).out).to.equal('');
  });

  it('shows hostile names so that a terminal does not obey them', async () => {
    const { status, out } = await millrace(['plan', table('"odd ""t%"'), table('"c""opy"')]);
    expect(status).to.equal(0);
    expect(out).to.include('"a b" integer').and.include('CREATE TABLE "public"."c""opy"');
    expect(out).not.to.include('\u001b');
  });

  it('leaves standard input alone, and says that it cannot be looked at', async () => {
    const running = start(['plan', '-', table('t'), '--mode', 'append', '--json'], {});
    const ended = await running.ended; // Nothing was written to its input, which is still open.
    expect(ended.status).to.equal(0);
    expect(planOf(ended).stages[0]).to.deep.include({ hasPositions: false });
    expect(planOf(ended).stages[0]?.notes?.[0]).to.include('standard input can be read once');
    running.child.stdin.destroy();
  });

  it('looks at the dead letters too', async () => {
    writeFileSync(at('letters.json'), '[]');
    const { status, err } = await millrace(['plan', file, 'null:', '--dead-letter', at('letters.json')]);
    expect([status, err]).to.deep.equal([
      64,
      `millrace: ${at('letters.json')}: nothing can be appended to a file of format json; use ndjson, or replace it (mode replace) [OPTION_INVALID]\n`,
    ]);
    expect(readFileSync(at('letters.json'), 'utf8')).to.equal('[]');
  });

  it('is given up by a signal', async () => {
    const net = await import('node:net');
    let isReached = false;
    const silent = net.createServer(() => void (isReached = true)).listen(0, '127.0.0.1');
    await new Promise(resolve => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const running = start(['plan', `postgres://x@127.0.0.1:${port}/x?table=t&sslmode=disable`, 'null:']);
    await until(running, () => isReached, 'the server was reached');
    running.child.kill('SIGINT');
    expect((await running.ended).status).to.equal(130);
    silent.close();
  });
});
