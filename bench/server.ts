/**
 * The PostgreSQL that the benchmarks run against: Debian's (psql comes with it), on a free port, in a folder of its own that goes away with
 * it. Another one can be given by its address.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface BenchServer {
  url(database: string): string;
  readonly folder: string;
  readonly psql: string | undefined;
  readonly version: string;
  stop(): void;
}

const SETTINGS = [
  "listen_addresses = '127.0.0.1'",
  "unix_socket_directories = ''",
  'max_wal_size = 8GB',
  'shared_buffers = 512MB',
  'checkpoint_timeout = 1h',
];

/** Starts Debian's server. Errors say what to install. */
export async function startServer(): Promise<BenchServer> {
  const bin = debianFolder();
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const data = join(folder, 'data');
  mkdirSync(data);
  const user = serverUser();
  chmodSync(folder, 0o755);
  if (user !== undefined) chownSync(data, user.uid, user.gid);
  const port = await freePort();
  const run = (name: string, ...given: string[]): string =>
    execFileSync(join(bin, name), given, { encoding: 'utf8', cwd: '/', stdio: ['ignore', 'pipe', 'inherit'], ...user });
  run('initdb', '-D', data, '-A', 'trust', '-E', 'UTF8', '--no-locale', '-U', 'postgres');
  appendFileSync(join(data, 'postgresql.conf'), `${[...SETTINGS, `port = ${port}`].join('\n')}\n`);
  execFileSync(join(bin, 'pg_ctl'), ['-D', data, '-w', '-l', join(data, 'log'), 'start'], { cwd: '/', stdio: 'ignore', ...user });
  return {
    url: database => `postgres://postgres@127.0.0.1:${port}/${database}`,
    folder,
    psql: bin,
    version: run('postgres', '--version').trim(),
    stop: () => {
      run('pg_ctl', '-D', data, '-m', 'immediate', 'stop');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A server that is there already; its address names a user who may make databases. */
export function givenServer(address: string): BenchServer {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const url = (database: string): string => Object.assign(new URL(address), { pathname: `/${database}` }).href;
  return { url, folder, psql: undefined, version: 'the server given', stop: () => rmSync(folder, { recursive: true, force: true }) };
}

function debianFolder(): string {
  const base = '/usr/lib/postgresql';
  const versions = existsSync(base) ? readdirSync(base).filter(version => existsSync(join(base, version, 'bin/initdb'))) : [];
  const newest = versions.sort((a, b) => Number(a) - Number(b)).at(-1);
  if (newest === undefined) throw new Error('no PostgreSQL with psql here: apt-get install postgresql, or give --server postgres://…');
  return join(base, newest, 'bin');
}

/** PostgreSQL refuses to run as root. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (userInfo().uid !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
