import { parseAddress } from '../config/addresses.ts';
import { fileAt, loadSink, loadSource } from '../config/places.ts';
import type { DeadLetter, RunOptions, Sink, Source } from '../core/contracts.ts';
import { MillraceError } from '../errors.ts';
import { parseNames } from '../query/parse-names.ts';
import { operatorsFrom } from './operators.ts';
import type { CopyOptions } from './options.ts';

/** What a command line says of a run. */
export interface Line {
  readonly stages: readonly unknown[];
  readonly run: Pick<RunOptions, 'checkpoint' | 'deadLetter' | 'job' | 'maxRejected' | 'memory' | 'resume' | 'retryFor'>;
}

/** What is made of the source that an address names. */
export type Around = (source: Source<unknown>) => unknown;

/** The stages from one place to another. Wrong options and addresses are thrown; nothing is opened. */
export async function lineFrom(from: string, to: string, options: CopyOptions, around: Around = source => source): Promise<Line> {
  const { checkpoint, deadLetter, job, maxRejected, memory, resume, retryFor } = options;
  const parallel = options.parallel === undefined ? {} : { parallel: options.parallel };
  const isWhole = parseAddress(from, 'source').kind === 'postgres-tables';
  const isMerged = (options.mode === 'upsert' || options.mode === 'sync') && parseAddress(to, 'sink').kind === 'postgres';
  const stages = [
    around(
      await loadSource<unknown>(from, {
        format: options.fromFormat,
        defaults: { int8: 'bigint' },
        options: { ...(isWhole ? {} : parallel), ...sourceOptions(options) },
      }),
    ),
    ...(await operatorsFrom(options)),
    // Of a whole database the target says how many tables are under way; an upsert takes connections of its own.
    await loadSink(to, { format: options.toFormat, options: { ...targetOptions(options), ...(isWhole || isMerged ? parallel : {}) } }),
  ];
  const run = {
    ...(deadLetter === undefined ? {} : { deadLetter: await loadDeadLetters(deadLetter, { from, to }) }),
    ...(maxRejected === undefined ? {} : { maxRejected }),
    ...(memory === undefined ? {} : { memory }),
    ...(resume === undefined ? {} : { resume }),
    ...(job === undefined ? {} : { job }),
    ...(retryFor === undefined ? {} : { retryFor }),
    checkpoint: checkpoint ?? true,
  };
  return { stages, run };
}

function sourceOptions({ since, overlap }: CopyOptions): Record<string, unknown> {
  return { ...(since === undefined ? {} : { since }), ...(overlap === undefined ? {} : { overlap }) };
}

function targetOptions({ mode, key, lossy, before, after, deletedColumn, onDrift }: CopyOptions): Record<string, unknown> {
  const names = (list: string | undefined, option: string): unknown => (list === undefined ? undefined : parseNames(list, option));
  const given = { mode, key: names(key, '--key'), lossy: names(lossy, '--lossy'), before, after, deletedColumn, onDrift };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Letters are added to those that are there already. */
async function loadDeadLetters(place: string, { from, to }: { from: string; to: string }): Promise<Sink<DeadLetter>> {
  if (place === '-' && to === '-')
    throw new MillraceError('USAGE', 'standard output cannot take both the records and the dead letters; give --dead-letter a file');
  const file = fileAt(place, 'sink');
  const use =
    file === undefined ? undefined : file === fileAt(to, 'sink') ? 'go' : file === fileAt(from, 'source') ? 'come from' : undefined;
  if (use !== undefined) throw new MillraceError('USAGE', `${place} is where the records ${use}; give --dead-letter a file of its own`);
  return loadSink<DeadLetter>(place, { defaults: { mode: 'append' } });
}
