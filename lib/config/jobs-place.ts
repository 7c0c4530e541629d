import type { PgConnectionOptions } from '../clients/postgres/connection/connection-options.ts';
import { targetOf } from '../clients/postgres/connection/means.ts';
import type { JobsPlace } from '../clients/postgres/delivery/kept-jobs.ts';
import { MillraceError } from '../errors.ts';
import { checkOptions } from '../core/run/stage.ts';
import { parseAddress } from './addresses.ts';
import { KINDS } from './kinds.ts';
import { optionsFromText } from './text-options.ts';
import { printAddress } from './print-address.ts';

/** Where jobs are kept: the database of an address, or one table of it. ADDRESS_INVALID where it is no database, OPTION_UNKNOWN, OPTION_INVALID. */
export async function jobsPlace(address: string): Promise<JobsPlace> {
  const { kind, options } = parseAddress(address, 'sink');
  if (kind !== 'postgres' && kind !== 'postgres-tables')
    throw new MillraceError(
      'ADDRESS_INVALID',
      `${printAddress(address)}: positions are kept in PostgreSQL, beside the rows; name the database: postgres://host/database`,
    );
  const definition = (await KINDS.sinks[kind]?.())?.definition;
  if (definition === undefined) throw new MillraceError('INTERNAL', `no kind ${kind}`);
  const checked = checkOptions(kind, definition.options, optionsFromText(definition.options, options));
  const { table } = options;
  return { target: targetOf(checked as PgConnectionOptions, undefined), ...(table === undefined ? {} : { table }) };
}
