import { MillraceError } from '../errors.ts';
import { printAddress } from './print-address.ts';

/**
 * libpq's own URL parameters: they belong to the connection, not to the options of the kind.
 * Source: https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS
 */
export const CONNECTION_PARAMETERS: ReadonlySet<string> = new Set([
  'application_name',
  'channel_binding',
  'client_encoding',
  'connect_timeout',
  'dbname',
  'fallback_application_name',
  'gssencmode',
  'host',
  'hostaddr',
  'keepalives',
  'keepalives_count',
  'keepalives_idle',
  'keepalives_interval',
  'krbsrvname',
  'load_balance_hosts',
  'options',
  'passfile',
  'password',
  'port',
  'replication',
  'require_auth',
  'requirepeer',
  'service',
  'ssl',
  'sslcert',
  'sslcertmode',
  'sslcrl',
  'sslcrldir',
  'sslkey',
  'sslmode',
  'sslnegotiation',
  'sslpassword',
  'sslrootcert',
  'sslsni',
  'target_session_attrs',
  'tcp_user_timeout',
  'user',
  'uselibpqcompat',
]);

/** `a=1&b=two%20words` as texts. A name given twice, a part without `=` and broken percent-encoding are ADDRESS_INVALID. */
export function readParameters(text: string, address: string): Record<string, string> {
  const options: Record<string, string> = {};
  if (text === '') return options;
  for (const part of text.split('&')) {
    const at = part.indexOf('=');
    const name = part.slice(0, at);
    if (at <= 0 || !/^[A-Za-z][\w.-]*$/.test(name)) {
      throw new MillraceError(
        'ADDRESS_INVALID',
        `${printAddress(address)}: ${shown(part)} is no option; write options as name=value, and & inside of a value as %26`,
      );
    }
    if (Object.hasOwn(options, name))
      throw new MillraceError(
        'ADDRESS_INVALID',
        `${printAddress(address)}: option "${name}" is given twice; give it once, with commas in a list`,
      );
    Object.defineProperty(options, name, {
      value: decoded(part.slice(at + 1), name, address),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return options;
}

/** A parameter as it stands in a URL. */
export function parameterText(name: string, value: string): string {
  return `${name}=${encodeURIComponent(value)}`;
}

function decoded(value: string, name: string, address: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new MillraceError(
      'ADDRESS_INVALID',
      `${printAddress(address)}: the value of "${name}" has a % that encodes no character; write % as %25`,
    );
  }
}

/** A part that may be anything, cut short, and left out where it can be the rest of a password. */
function shown(part: string): string {
  if (part === '') return 'nothing between two &';
  return part.includes('@') ? 'a part of the options' : JSON.stringify(part.length > 20 ? `${part.slice(0, 20)}…` : part);
}
