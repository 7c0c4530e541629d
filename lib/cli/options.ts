import { MillraceError, suggestion } from '../errors.ts';
import type { SCHEMA_FORMS } from '../schema/forms/index.ts';
import { parseDuration } from '../values/durations.ts';
import { parseSize } from '../values/sizes.ts';

/** What changes records on their way; the same for every command that reads. */
export interface OperatorOptions {
  readonly where?: string;
  readonly order?: string;
  readonly limit?: number;
  readonly select?: string;
  readonly rename?: string;
  readonly coerce?: string;
}

export interface CopyOptions extends OperatorOptions {
  readonly mode?: string;
  readonly key?: string;
  readonly lossy?: string;
  readonly deletedColumn?: string;
  readonly onDrift?: string;
  readonly before?: string;
  readonly after?: string;
  readonly deadLetter?: string;
  readonly maxRejected?: number | `${number}%`;
  readonly resume?: true;
  readonly since?: string;
  readonly overlap?: string | number;
  readonly job?: string;
  /** False: by --no-checkpoint. */
  readonly checkpoint?: boolean;
  /** Milliseconds. */
  readonly retryFor?: number;
  readonly memory?: number;
  readonly parallel?: number;
  readonly fromFormat?: string;
  readonly toFormat?: string;
  readonly json?: true;
  readonly quiet?: true;
}

export interface ReplayOptions extends CopyOptions {
  readonly only?: string;
}

export interface HeadOptions extends Pick<OperatorOptions, 'where' | 'order' | 'select'> {
  readonly limit: number;
  readonly fromFormat?: string;
  readonly json?: true;
}

export interface VerifyOptions {
  readonly key?: string;
  readonly limit: number;
  readonly memory?: number;
  readonly fromFormat?: string;
  readonly toFormat?: string;
  readonly json?: true;
}

export interface SchemaOptions {
  readonly as: keyof typeof SCHEMA_FORMS;
  readonly fromFormat?: string;
}

/** Of these names one. */
export function choiceOption<Name extends string>(option: string, names: readonly Name[]): (text: string) => Name {
  return text => {
    const name = names.find(each => each === text);
    if (name === undefined) throw new MillraceError('USAGE', `${option}: no ${JSON.stringify(text)}${suggestion(text, names)}`);
    return name;
  };
}

/** A whole number that is not negative. */
export function countOption(name: string): (text: string) => number {
  return text => {
    const count = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(count) || count < 0) throw invalid(name, text, 'a whole number, 0 or more');
    return count;
  };
}

/** A count or a percentage. */
export function maxRejectedOption(text: string): number | `${number}%` {
  if (/^\d+(\.\d+)?%$/.test(text) && Number.parseFloat(text) <= 100) return text as `${number}%`;
  if (/^\d+$/.test(text)) return Number(text);
  throw invalid('--max-rejected', text, 'a number such as 100, or a percentage such as 1%');
}

/** A length of time, or a number: what is wanted depends on the column. */
export function overlapOption(text: string): string | number {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** A size in bytes. */
export function sizeOption(name: string): (text: string) => number {
  return text => {
    try {
      return parseSize(text);
    } catch {
      throw invalid(name, text, 'a size such as 16MiB');
    }
  };
}

/** A length of time, as milliseconds. */
export function durationOption(name: string): (text: string) => number {
  return text => {
    try {
      return parseDuration(text);
    } catch {
      throw invalid(name, text, 'a length of time such as 90s or 5m');
    }
  };
}

function invalid(name: string, text: string, wanted: string): MillraceError {
  return new MillraceError('USAGE', `${name}: found ${JSON.stringify(text)}, wanted is ${wanted}`);
}
