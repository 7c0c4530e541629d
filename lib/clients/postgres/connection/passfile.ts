import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Whose password is looked for. */
export interface Login {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/**
 * The password of the first line that fits, `host:port:database:user:password`; undefined where there is none. As with libpq a file that others
 * may read counts for nothing.
 * Source: https://www.postgresql.org/docs/18/libpq-pgpass.html
 */
export function passwordFromFile(login: Login, path = defaultPath()): string | undefined {
  const wanted = [login.host.startsWith('/') ? 'localhost' : login.host, String(login.port), login.database, login.user];
  for (const line of linesOf(path)) {
    const [password, ...fields] = fieldsOf(line).reverse();
    if (fields.length === 4 && fields.reverse().every((field, i) => field === '*' || unescaped(field) === wanted[i]))
      return unescaped(password ?? '');
  }
  return undefined;
}

function defaultPath(): string {
  return process.platform === 'win32' ? join(process.env['APPDATA'] ?? homedir(), 'postgresql', 'pgpass.conf') : join(homedir(), '.pgpass');
}

const OTHERS_MAY = 0o077;

function linesOf(path: string): string[] {
  try {
    const found = statSync(path);
    if (!found.isFile() || (process.platform !== 'win32' && (found.mode & OTHERS_MAY) !== 0)) return [];
    return readFileSync(path, 'utf8')
      .split(/\r?\n/)
      .filter(line => line !== '' && !line.startsWith('#'));
  } catch {
    return [];
  }
}

/** Four fields and the password, in which a `:` need not be escaped. */
function fieldsOf(line: string): string[] {
  return /^((?:[^:\\]|\\.)*):((?:[^:\\]|\\.)*):((?:[^:\\]|\\.)*):((?:[^:\\]|\\.)*):(.*)$/.exec(line)?.slice(1) ?? [];
}

function unescaped(field: string): string {
  return field.replace(/\\(.)/g, '$1');
}
