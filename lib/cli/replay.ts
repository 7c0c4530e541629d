import { deadLetters } from '../../sources/dead-letters.ts';
import { parseAddress } from '../config/addresses.ts';
import type { DeadLetter, Source } from '../core/contracts.ts';
import { MillraceError } from '../errors.ts';
import { parseNames } from '../query/parse-names.ts';
import { copy } from './copy.ts';
import type { ExitStatus } from './exit.ts';
import type { ReplayOptions } from './options.ts';

/** `millrace replay LETTERS TO`: as copy, of the records that are in dead letters. */
export async function replay(letters: string, to: string, { only, ...options }: ReplayOptions): Promise<ExitStatus> {
  if (parseAddress(letters, 'source').kind === 'postgres-tables')
    throw new MillraceError('USAGE', 'dead letters are in one table: name it, postgres://host/database?table=…');
  const codes = only === undefined ? {} : { only: parseNames(only, '--only') };
  return copy(letters, to, options, source => deadLetters(source as Source<DeadLetter>, codes));
}
