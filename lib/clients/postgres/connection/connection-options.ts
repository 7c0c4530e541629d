import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { z } from 'zod';
import { MillraceError, suggestion } from '../../../errors.ts';
import type { ConnectionMeans } from './given-means.ts';
import { passwordFromFile } from './passfile.ts';

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

/**
 * How to reach a server; fields for the options of a kind. What is not given comes from the URL, then from libpq's environment variables
 * (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGPASSFILE, PGDATABASE, PGSSLMODE, …), then from libpq's defaults.
 */
export const connectionFields = {
  url: z.string().optional().describe('postgres://user:password@host:5432/database?sslmode=require'),
  host: z.string().optional().describe('a host name, an address, or the folder of a Unix socket'),
  port: z.number().int().min(1).max(65_535).optional(),
  user: z.string().optional(),
  password: z.string().optional(),
  database: z.string().optional(),
  sslmode: z.enum(SSL_MODES).optional().describe('as libpq has it; prefer by default, on the own machine allow'),
  sslrootcert: z.string().optional().describe('files of certificates, as libpq has them'),
  sslcert: z.string().optional(),
  sslkey: z.string().optional(),
  passfile: z.string().optional().describe('a file of passwords, as libpq has it; ~/.pgpass by default'),
  applicationName: z.string().optional().describe("as the server's pg_stat_activity shows it; millrace by default"),
  connectTimeoutMs: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('milliseconds that reaching the server may take, all in all; 10,000 by default'),
  statementTimeoutMs: z
    .number()
    .int()
    .min(0)
    .optional()
    .describe('milliseconds that a statement may run on the server; no limit by default'),
};

// eslint-disable-next-line @typescript-eslint/no-unused-vars -- its type is what is exported
const connectionOptions = z.object(connectionFields);
export type PgConnectionOptions = z.input<typeof connectionOptions>;

/** Where to connect, and as whom: all options resolved. Holds the password: print it by `describeTarget` only. */
export interface PgTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly sslmode: SslMode;
  /** Certificates, for the modes that use TLS. */
  readonly tls: Pick<TlsOptions, 'ca' | 'cert' | 'key'>;
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** Command line options for the server (`-c work_mem=64MB`), of PGOPTIONS. */
  readonly serverOptions: string | undefined;
  readonly means?: ConnectionMeans | undefined;
}

/** Errors: ADDRESS_INVALID for a URL that is none, OPTION_UNKNOWN for a parameter in it that libpq does not have. */
export function resolveTarget(options: PgConnectionOptions, env: Readonly<Record<string, string | undefined>> = process.env): PgTarget {
  const given = { ...fromEnvironment(env), ...(options.url === undefined ? {} : fromUrl(options.url)), ...ownFields(options) };
  const host = given.host ?? 'localhost';
  const user = given.user ?? userInfo().username;
  const port = checkedPort(given.port ?? '5432');
  const database = given.database ?? user;
  const sslmode = checkedSslMode(given.sslmode ?? (given.sslrootcert === undefined ? defaultSslMode(host) : 'verify-ca'));
  return {
    host,
    port,
    user,
    password: given.password ?? passwordFromFile({ host, port, database, user }, given.passfile),
    database,
    sslmode: sslmode === 'require' && given.sslrootcert !== undefined ? 'verify-ca' : sslmode,
    tls: {
      ...(given.sslrootcert === undefined ? {} : { ca: certificate(given.sslrootcert) }),
      ...(given.sslcert === undefined ? {} : { cert: certificate(given.sslcert) }),
      ...(given.sslkey === undefined ? {} : { key: certificate(given.sslkey) }),
    },
    applicationName: given.applicationName ?? 'millrace',
    connectTimeoutMs: options.connectTimeoutMs ?? (Number(given.connectTimeout ?? 0) * 1000 || 10_000),
    statementTimeoutMs: options.statementTimeoutMs ?? 0,
    serverOptions: given.serverOptions,
  };
}

/** `database app at db.example:5432`; without secrets. */
export function describeTarget({ host, port, database }: PgTarget): string {
  return `database ${JSON.stringify(database)} at ${host}:${port}`;
}

type Text = { readonly [field in keyof typeof PARAMETERS_OF]?: string };

/** Fields by their names in a URL (libpq's) and in the environment. */
const PARAMETERS_OF = {
  host: { url: ['host', 'hostaddr'], env: 'PGHOST' },
  port: { url: ['port'], env: 'PGPORT' },
  user: { url: ['user'], env: 'PGUSER' },
  password: { url: ['password'], env: 'PGPASSWORD' },
  passfile: { url: ['passfile'], env: 'PGPASSFILE' },
  database: { url: ['dbname', 'database'], env: 'PGDATABASE' },
  sslmode: { url: ['sslmode'], env: 'PGSSLMODE' },
  sslrootcert: { url: ['sslrootcert'], env: 'PGSSLROOTCERT' },
  sslcert: { url: ['sslcert'], env: 'PGSSLCERT' },
  sslkey: { url: ['sslkey'], env: 'PGSSLKEY' },
  applicationName: { url: ['application_name'], env: 'PGAPPNAME' },
  connectTimeout: { url: ['connect_timeout'], env: 'PGCONNECT_TIMEOUT' },
  serverOptions: { url: ['options'], env: 'PGOPTIONS' },
} as const;

function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Text {
  const entries = Object.entries(PARAMETERS_OF).map(([field, names]) => [field, env[names.env]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== '')) as Text;
}

function fromUrl(text: string): Text {
  const { authority, url } = parsedUrl(text);
  const found: Record<string, string> = {};
  const set = (field: string, value: string): void => {
    if (value !== '') found[field] = value;
  };
  set('user', decoded(url.username));
  set('password', decoded(url.password));
  set('host', authority);
  set('port', url.port);
  set('database', decoded(url.pathname.slice(1)));
  for (const [name, value] of url.searchParams) set(fieldOfParameter(name), value);
  return found;
}

/** The URL of the DOM knows no empty host beside a user, and no Unix socket's folder (`%2Ftmp`) as a host. */
function parsedUrl(text: string): { authority: string; url: URL } {
  const match = /^(postgres(?:ql)?:\/\/)((?:[^@/?#]*@)?)(\[[^\]]*\]|[^:/?#]*)(.*)$/s.exec(text);
  const [, scheme = '', user = '', host = '', rest = ''] = match ?? [];
  try {
    if (match === null) throw new Error('scheme');
    const url = new URL(`${scheme}${user}host${rest}`);
    return { authority: decodeURIComponent(host.replace(/^\[(.*)\]$/, '$1')), url };
  } catch {
    // The text may hold a password: it is not shown, nor kept as a cause.
    throw new MillraceError(
      'ADDRESS_INVALID',
      'the PostgreSQL address is not a URL; write postgres://user:password@host:5432/database (one host, a port up to 65535, special characters as %XX)',
    );
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function fieldOfParameter(name: string): string {
  const parameters: [string, { readonly url: readonly string[] }][] = Object.entries(PARAMETERS_OF);
  const field = parameters.find(([, { url }]) => url.includes(name));
  if (field !== undefined) return field[0];
  const known = parameters.flatMap(([, { url }]) => url);
  throw new MillraceError('OPTION_UNKNOWN', `postgres: no parameter ${JSON.stringify(name)} in an address${suggestion(name, known)}`);
}

function ownFields(options: PgConnectionOptions): Text {
  const fields: [string, unknown][] = Object.entries(options).filter(
    ([name, value]) => Object.hasOwn(PARAMETERS_OF, name) && value !== undefined,
  );
  return Object.fromEntries(fields.map(([name, value]) => [name, String(value)])) as Text;
}

function checkedPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new MillraceError('OPTION_INVALID', `postgres: option "port": ${JSON.stringify(text)} is not a port (1 to 65535)`);
}

function checkedSslMode(text: string): SslMode {
  const mode = SSL_MODES.find(known => known === text);
  if (mode !== undefined) return mode;
  throw new MillraceError('OPTION_INVALID', `postgres: option "sslmode": ${JSON.stringify(text)} is none of ${SSL_MODES.join(', ')}`);
}

/** What stays on this machine is not encrypted unless the server wants it. */
function defaultSslMode(host: string): SslMode {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127\./.test(host) ? 'allow' : 'prefer';
}

function certificate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MillraceError('NOT_FOUND', `postgres: the certificate file ${JSON.stringify(path)} cannot be read`, { cause });
  }
}
