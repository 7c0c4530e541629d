/**
 * What an error of the server or of the connection means. A server's message may quote values of rows, `detail` always does: neither
 * reaches a MillraceError, nor its cause.
 * Source: https://www.postgresql.org/docs/18/errcodes-appendix.html, https://www.postgresql.org/docs/18/protocol-error-fields.html
 */
import { asMillraceError, type ErrorCode, MillraceError } from '../../../errors.ts';
import { describeTarget, type PgTarget } from './connection-options.ts';

/** What the server says of an error beside its message, as far as it holds no values; the cause of a MillraceError. */
export class ServerErrorFields extends Error {
  override readonly name = 'ServerError';
  /** SQLSTATE: five characters. */
  readonly code: string;
  readonly schema: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
  readonly dataType: string | undefined;

  constructor(error: ServerError) {
    super(`${printable(error)} (SQLSTATE ${error.code})`);
    this.code = error.code;
    this.schema = error.schema;
    this.table = error.table;
    this.column = error.column;
    this.constraint = error.constraint;
    this.dataType = error.dataType;
  }
}

/** An ErrorResponse of the server as `pg` gives it. */
export interface ServerError extends Error {
  readonly code: string;
  readonly severity: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
  readonly dataType?: string;
  readonly where?: string;
}

export function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string' && error.code.length === 5;
}

/** The five characters of an error's SQLSTATE, also of one that was mapped already; undefined for what does not come from the server. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof MillraceError) return sqlStateOf(error.cause);
  return error instanceof ServerErrorFields || isServerError(error) ? error.code : undefined;
}

/** True where the server refuses one row for what stands in it: data exceptions and violated constraints. */
export function isRowRefusal(sqlState: string): boolean {
  return /^2[23]/.test(sqlState) && sqlState !== '22023';
}

/**
 * The MillraceError of an error: what was done (`read table "users"`), where, and what was wrong.
 * A MillraceError stays as it is.
 */
export function postgresError(error: unknown, doing: string, target: PgTarget): MillraceError {
  if (error instanceof MillraceError) return error;
  if (isServerError(error)) return serverError(error, doing, target);
  return connectionError(error, doing, target);
}

/** Message of a server's error that quotes nothing out of a row; names of columns, tables, constraints stay. */
export function printable(error: ServerError): string {
  const { code, message, where = '' } = error;
  // Text of a function's RAISE: nobody knows what it quotes.
  if (code === 'P0001' || isRaised(where)) return 'a function or trigger raised an exception';
  const isOfValue = /^(?:2[12]|38|39|P0)/.test(code) || /^COPY .*, line \d+, column /m.test(where);
  return isOfValue && !code.startsWith('23')
    ? withoutValues(message, [error.schema, error.table, error.column, error.constraint, error.dataType])
    : message;
}

/** Whether the context of an error (`where`) is that of a RAISE. */
export function isRaised(where: string): boolean {
  return /\bat RAISE$/m.test(where);
}

/** A value may hold quotes itself: from the first thing quoted that is no name, up to the last quote, all is cut out. */
function withoutValues(message: string, names: readonly (string | undefined)[]): string {
  const bare = message.replace(/(?<=: )(?:\\x|0x).*$/s, '…');
  for (const quoted of bare.matchAll(/(\w* ?)"([^"]*)"/g)) {
    const [all, word, text] = quoted as unknown as [string, string, string];
    if (names.includes(text) || word === 'encoding ') continue;
    return `${bare.slice(0, quoted.index + all.indexOf('"'))}…${bare.slice(bare.lastIndexOf('"') + 1)}`;
  }
  const isClosed = bare.split('"').length % 2 === 1;
  return isClosed ? bare : `${bare.slice(0, bare.lastIndexOf('"'))}…`;
}

/** `hasWaited`: a limit of somebody's ran out. */
const BY_STATE: Readonly<Record<string, { code: ErrorCode; retryable?: true; hasWaited?: true }>> = {
  '28': { code: 'AUTHENTICATION_FAILED' },
  '3D000': { code: 'NOT_FOUND' },
  '3F000': { code: 'NOT_FOUND' },
  '42P01': { code: 'NOT_FOUND' },
  '42704': { code: 'NOT_FOUND' },
  '42P07': { code: 'EXISTS' },
  '42710': { code: 'EXISTS' },
  '42P04': { code: 'EXISTS' },
  '42501': { code: 'NOT_PERMITTED' },
  '25006': { code: 'NOT_PERMITTED', retryable: true },
  '42703': { code: 'COLUMN_UNKNOWN' },
  '42701': { code: 'COLUMN_DUPLICATE' },
  '40': { code: 'SERVER_REFUSED', retryable: true },
  '55P03': { code: 'TIMEOUT', retryable: true, hasWaited: true },
  '57014': { code: 'TIMEOUT', retryable: true, hasWaited: true },
  '25P03': { code: 'TIMEOUT', retryable: true, hasWaited: true },
  '25P04': { code: 'TIMEOUT', retryable: true, hasWaited: true },
  '57P03': { code: 'UNREACHABLE', retryable: true },
  '57P04': { code: 'NOT_FOUND' },
  '57P': { code: 'CONNECTION_LOST', retryable: true },
  '53300': { code: 'UNREACHABLE', retryable: true },
  '53100': { code: 'DISK_FULL' },
  '53': { code: 'SERVER_REFUSED', retryable: true },
  '58030': { code: 'IO_FAILED' },
  '72': { code: 'SERVER_REFUSED', retryable: true },
  '08': { code: 'CONNECTION_LOST', retryable: true },
  '22021': { code: 'ENCODING_INVALID' },
  '22P05': { code: 'ENCODING_INVALID' },
  '22': { code: 'ROW_REFUSED' },
  '23': { code: 'ROW_REFUSED' },
  '42': { code: 'OPTION_INVALID' },
};

const HINTS: Readonly<Record<string, string>> = {
  '55P03': '; another session holds the lock',
  '25006': '; it is a standby, or its transactions are read-only',
};

function serverError(error: ServerError, doing: string, target: PgTarget): MillraceError {
  const state = error.code;
  const meaning = BY_STATE[state] ?? BY_STATE[state.slice(0, 3)] ?? BY_STATE[state.slice(0, 2)] ?? { code: 'SERVER_REFUSED' };
  const message = state.startsWith('28') ? authenticationMessage(state, target) : printable(error) + (HINTS[state] ?? '');
  const { retryable = false, hasWaited = false } = meaning;
  const details = { retryable, hasWaited, cause: new ServerErrorFields(error) };
  return new MillraceError(meaning.code, `${doing}: ${message} (${describeTarget(target)}, SQLSTATE ${state})`, details);
}

function authenticationMessage(state: string, target: PgTarget): string {
  const user = `user ${JSON.stringify(target.user)}`;
  if (state === '28P01') return `the password for ${user} is wrong`;
  return `${user} may not log in from here, or does not exist (the server's pg_hba.conf says who may)`;
}

/** What is done while a connection is made. */
export const CONNECTING = 'connect';

const UNREACHED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EHOSTDOWN',
]);

function connectionError(error: unknown, doing: string, target: PgTarget): MillraceError {
  const found = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const code = found instanceof Error && 'code' in found ? String(found.code) : '';
  const message = found instanceof Error ? found.message : String(found);
  const place = describeTarget(target);
  if (UNREACHED.has(code)) return unreachable(doing, target, code, found);
  if (/password must be a (?:non-empty )?string/i.test(message)) {
    const text = `${doing}: the server wants a password for user ${JSON.stringify(target.user)}; give it in the address or in PGPASSWORD (${place})`;
    return new MillraceError('AUTHENTICATION_FAILED', text);
  }
  if (
    /^(?:timeout expired|Connection terminated due to connection timeout)/.test(message) ||
    (code === 'ETIMEDOUT' && doing === CONNECTING)
  )
    return new MillraceError('UNREACHABLE', `${doing}: no answer from ${place} within ${target.connectTimeoutMs} ms`, {
      retryable: true,
      cause: found,
    });
  if (message === 'Query read timeout')
    return new MillraceError('TIMEOUT', `${doing}: no answer from ${place} in time`, { retryable: true });
  if (/SSL|TLS|certificate|self.signed/i.test(`${message} ${code}`))
    return new MillraceError('UNREACHABLE', `${doing}: no encrypted connection to ${place}: ${message} (sslmode=${target.sslmode})`, {
      cause: found,
    });
  if (isFault(found, code)) return asMillraceError(found);
  const text = `${doing}: the connection to ${place} was lost${code === '' ? '' : ` (${code})`}`;
  // A place that takes connections and hangs up has no server behind it.
  return new MillraceError(doing === CONNECTING ? 'UNREACHABLE' : 'CONNECTION_LOST', text, { retryable: true, cause: found });
}

/** Of our own code or the driver's: no connection is the cause, and another one would not help. */
function isFault(error: unknown, code: string): boolean {
  const isOfLanguage =
    error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError || error instanceof SyntaxError;
  return isOfLanguage && !/^(?:ERR_STREAM|ERR_SOCKET|ERR_SSL|ERR_TLS)/.test(code);
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ENOENT: 'no such socket',
};

function unreachable(doing: string, target: PgTarget, code: string, cause: unknown): MillraceError {
  const text = `${doing}: ${target.host}:${target.port} cannot be reached: ${REASONS[code] ?? 'no way to the host'} (${code})`;
  return new MillraceError('UNREACHABLE', text, { retryable: code !== 'ENOTFOUND', cause });
}
