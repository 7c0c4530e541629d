import { fileURLToPath } from 'node:url';
import { MillraceError, suggestion } from '../errors.ts';
import { CONNECTION_PARAMETERS, parameterText, readParameters } from './parameters.ts';
import { printAddress } from './print-address.ts';

export type Role = 'source' | 'sink';

/** A place as its address says it: a kind and its options, still as text. `loadSource` and `loadSink` check them. */
export interface Address {
  readonly kind: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface AddressOverrides {
  /** Of files, standard input and output: `--from-format`, `--to-format`. */
  readonly format?: string | undefined;
}

type Scheme = {
  readonly kind: string;
  readonly roles: readonly Role[];
  /** How an address of it looks, for messages. */
  readonly example: string;
  readonly read: (rest: string, address: string) => Record<string, string>;
};

const BOTH: readonly Role[] = ['source', 'sink'];
const POSTGRES: Scheme = { kind: 'postgres', roles: BOTH, example: 'postgres://host/database?table=…', read: readDatabase };
const SCHEMES: Readonly<Record<string, Scheme>> = {
  file: { kind: 'file', roles: BOTH, example: 'file:///folder/name.csv', read: readFileUrl },
  postgres: POSTGRES,
  postgresql: POSTGRES,
  generate: { kind: 'generate', roles: ['source'], example: 'generate:?rows=1000&seed=7', read: readParametersOnly },
  null: { kind: 'null', roles: ['sink'], example: 'null:', read: readParametersOnly },
};

/**
 * Reads an address: a path or pattern, `-`, or a URL (`file:`, `postgres:`, `generate:`, `null:`). Options of the kind are query parameters,
 * percent-encoded where they contain `&` or `%`; a `+` is a plus. ADDRESS_INVALID for an unknown scheme, with the nearest one.
 */
export function parseAddress(text: string, role: Role, overrides: AddressOverrides = {}): Address {
  if (text === '') throw new MillraceError('ADDRESS_INVALID', `the address of the ${role} is empty; give a path, - or a URL`);
  const { kind, options } = readPlace(text, role);
  return { kind, options: overrides.format === undefined ? options : { ...options, format: overrides.format } };
}

/** The schemes that an address may begin with. */
export function schemesOf(role: Role): string[] {
  return Object.entries(SCHEMES).flatMap(([name, scheme]) => (scheme.roles.includes(role) ? [`${name}:`] : []));
}

function readPlace(text: string, role: Role): Address {
  if (text === '-') return { kind: 'file', options: { path: '-', format: 'ndjson' } };
  const match = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(text);
  const name = match?.[1]?.toLowerCase() ?? '';
  const rest = match?.[2] ?? '';
  const scheme = Object.hasOwn(SCHEMES, name) ? SCHEMES[name] : undefined;
  if (scheme === undefined) {
    if (match !== null && looksLikeUrl(rest)) throw unknownScheme(text, name, role);
    return { kind: 'file', options: readPath(text) };
  }
  if (!scheme.roles.includes(role)) {
    const other = role === 'source' ? 'written to' : 'read from';
    throw new MillraceError(
      'ADDRESS_INVALID',
      `${name}: can only be ${other}; a ${role} is a path, - or one of ${schemesOf(role).join(', ')}`,
    );
  }
  const options = scheme.read(rest, text);
  return { kind: scheme === POSTGRES && isWhole(options) ? 'postgres-tables' : scheme.kind, options };
}

/** A database, or tables of it, where no table and no query is named. */
function isWhole(options: Readonly<Record<string, string>>): boolean {
  return options['table'] === undefined && options['query'] === undefined;
}

/** `foo://…`, `foo:` and `foo:?…` can only be meant as URLs; `a:b.csv` is a path like any other. */
function looksLikeUrl(rest: string): boolean {
  return rest === '' || rest.startsWith('//') || rest.startsWith('?');
}

function unknownScheme(text: string, name: string, role: Role): MillraceError {
  const known = schemesOf(role);
  const near = suggestion(`${name}:`, known);
  const list = near.includes('did you mean') ? ` (known: ${known.join(', ')})` : '';
  return new MillraceError('ADDRESS_INVALID', `${printAddress(text)}: unknown scheme "${name}:"${near}${list}`);
}

/** A path, with options behind its last `?` only where they look like `name=value`: paths and patterns may contain a `?`. */
function readPath(text: string): Record<string, string> {
  const at = text.search(/\?[A-Za-z]\w*=[^?]*$/);
  return at <= 0 ? { path: text } : { ...readParameters(text.slice(at + 1), text), path: text.slice(0, at) };
}

function readFileUrl(rest: string, address: string): Record<string, string> {
  const [path, parameters] = cut(rest);
  const invalid = (cause?: unknown): MillraceError =>
    new MillraceError('ADDRESS_INVALID', `${printAddress(address)}: not the URL of a file; write file:///folder/name.csv or a plain path`, {
      cause,
    });
  // URLs have no relative paths: this would be a file at the root.
  if (!path.startsWith('/')) throw invalid();
  try {
    return { ...readParameters(parameters, address), path: fileURLToPath(`file:${path}`) };
  } catch (error) {
    throw error instanceof MillraceError ? error : invalid(error);
  }
}

/** The connection is everything but the options of the kind; libpq's own parameters stay with it. */
function readDatabase(rest: string, address: string): Record<string, string> {
  const [place, parameters] = cut(rest);
  if (!place.startsWith('//'))
    throw new MillraceError('ADDRESS_INVALID', `${printAddress(address)}: not the URL of a database; write ${POSTGRES.example}`);
  const options: Record<string, string> = {};
  const connection: string[] = [];
  for (const [name, value] of Object.entries(readParameters(parameters, address))) {
    if (CONNECTION_PARAMETERS.has(name)) connection.push(parameterText(name, value));
    else options[name] = value;
  }
  options['url'] = `postgres:${place}${connection.length === 0 ? '' : `?${connection.join('&')}`}`;
  return options;
}

function readParametersOnly(rest: string, address: string): Record<string, string> {
  const [place, parameters] = cut(rest);
  if (place !== '' && place !== '//') {
    throw new MillraceError(
      'ADDRESS_INVALID',
      `${printAddress(address)}: nothing may stand between the scheme and its options, found ${JSON.stringify(place)}; write for example generate:?rows=1000`,
    );
  }
  return readParameters(parameters, address);
}

/** Before and behind the first `?`. */
function cut(text: string): [string, string] {
  const at = text.indexOf('?');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
