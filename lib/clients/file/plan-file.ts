import type { Stats } from 'node:fs';
import { access, constants, lstat, stat } from 'node:fs/promises';
import path from 'node:path';
import type { SinkPlan, SinkPlanContext } from '../../core/plan.ts';
import { errnoOf, exists, fileError, isFolder, tried } from './errors.ts';
import { existingFile } from './existing.ts';
import { checkLossy, nullNotes } from './lost-nulls.ts';
import type { Encoding } from './options.ts';
import { isSpecial } from './special-file.ts';

export interface FilePlanOptions {
  readonly path: string;
  readonly mode: 'create' | 'append' | 'replace';
  readonly lossy: readonly string[];
}

/** What writing a file would do; it is looked at, and nothing more. */
export async function planFile(options: FilePlanOptions, encoding: Encoding, context: SinkPlanContext): Promise<SinkPlan> {
  checkLossy(options.lossy, encoding.format, context.schema);
  const found = await planPlace(options, encoding, context);
  return { ...found, notes: [...(found.notes ?? []), ...nullNotes(options.lossy, encoding.format, context.schema)] };
}

async function planPlace({ path: named, mode }: FilePlanOptions, encoding: Encoding, context: SinkPlanContext): Promise<SinkPlan> {
  if (named === '-') return { notes: ['standard output: what was written stays, also of a run that fails'] };
  const found = await lookedAt(named, mode);
  if (found !== undefined && isSpecial(found))
    return { exists: true, notes: ['it is a device or a pipe: what was written stays, also of a run that fails'] };
  if (found?.isDirectory() === true) throw isFolder(named);
  if (found === undefined || mode === 'replace') {
    await tried(named, 'making it', () => access(path.dirname(named), constants.W_OK | constants.X_OK));
    return {
      exists: found !== undefined,
      notes: [
        `${found === undefined ? 'it is not there: it is made' : 'it is there, and is replaced'} as a whole, when all of it is written`,
      ],
    };
  }
  if (mode === 'create') return { exists: true, notes: ['it is there'], problems: [exists(named)] };
  await tried(named, 'opening it', () => access(named, constants.W_OK));
  const existing = await existingFile(named, encoding, context.schema, context.signal);
  return {
    exists: true,
    notes: [existing === undefined ? 'it is there, and empty' : 'it is there: what comes is written behind what it has'],
  };
}

/** A link that leads nowhere is in the way of `create` only. */
async function lookedAt(named: string, mode: FilePlanOptions['mode']): Promise<Stats | undefined> {
  try {
    return await (mode === 'create' ? lstat(named).then(async found => stat(named).catch(() => found)) : stat(named));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError(error, named, 'looking for it');
  }
}
