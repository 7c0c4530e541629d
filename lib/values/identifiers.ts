import { MillraceError } from '../errors.ts';

/** PostgreSQL keeps 63 bytes of a name and silently cuts the rest. */
export const MAX_NAME_BYTES = 63;

/** A name as SQL writes it, always quoted. NUL, lone surrogates and more than 63 bytes are refused: the server would change them. */
export function quoteIdentifier(name: string): string {
  if (name === '') throw new MillraceError('VALUE_NOT_CARRIED', 'a column or table without a name cannot be carried to SQL; rename it');
  if (name.includes('\0'))
    throw new MillraceError('VALUE_NOT_CARRIED', `the name ${JSON.stringify(name)} holds a NUL, which SQL names cannot; rename it`);
  if (/\p{Surrogate}/u.test(name))
    throw new MillraceError(
      'VALUE_NOT_CARRIED',
      `the name ${JSON.stringify(name)} is not valid Unicode, which SQL would change; rename it`,
    );
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new MillraceError(
      'VALUE_NOT_CARRIED',
      `the name ${JSON.stringify(name)} has more than ${MAX_NAME_BYTES} bytes, which SQL would cut off; rename it`,
    );
  }
  return `"${name.replaceAll('"', '""')}"`;
}

export interface QualifiedName {
  readonly schema: string | undefined;
  readonly name: string;
}

/** `table`, `schema.table`, `"Odd.Schema"."T ""x"""`; case is kept as it is written. */
export function parseQualifiedName(text: string): QualifiedName {
  const parts: string[] = [];
  const part = /\s*(?:"((?:[^"]|"")*)"|([^".]+))\s*(\.|$)/y;
  let isOpen = true;
  while (isOpen) {
    const match = part.exec(text);
    if (match === null) throw invalidName(text);
    parts.push(match[1]?.replaceAll('""', '"') ?? (match[2] as string).trim());
    isOpen = match[3] === '.';
  }
  const [first, second] = parts;
  if (first === undefined || parts.length > 2 || parts.includes('')) throw invalidName(text);
  return second === undefined ? { schema: undefined, name: first } : { schema: first, name: second };
}

/** For SQL: `"schema"."table"`. */
export function quoteQualifiedName({ schema, name }: QualifiedName): string {
  return schema === undefined ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** A text literal for SQL. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

function invalidName(text: string): MillraceError {
  return new MillraceError(
    'OPTION_INVALID',
    `${JSON.stringify(text)} is not a table name; write table, schema.table, or names in double quotes`,
  );
}
