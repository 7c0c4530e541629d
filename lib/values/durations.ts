import { MillraceError } from '../errors.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1e3, m: 60e3, min: 60e3, h: 3600e3, d: 86_400e3 };

/** Milliseconds of `90s`, `5m`, `1.5h`, `2d`, `250ms` or a plain number; OPTION_INVALID for anything else. */
export function parseDuration(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const name = (match?.[2] ?? '').toLowerCase();
  const unit = Object.hasOwn(UNITS, name) ? UNITS[name] : undefined;
  if (match === null || unit === undefined)
    throw new MillraceError('OPTION_INVALID', `${JSON.stringify(text)} is no length of time; write for example 90s, 5m, 2h`);
  return Math.round(Number(match[1]) * unit);
}

/** For a person, in the unit that fits: `250 ms`, `1.5 s`, `5 min`, `2 h`. */
export function printMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const [value, unit] = ms < 120e3 ? [ms / 1e3, 's'] : ms < 7200e3 ? [ms / 60e3, 'min'] : [ms / 3600e3, 'h'];
  return `${Number.isInteger(value) || value >= 10 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}
