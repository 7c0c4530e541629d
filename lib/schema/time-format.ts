import { MillraceError } from '../errors.ts';
import { daysOf } from '../values/calendar.ts';
import { parseTime } from '../values/local-time.ts';

/** What a format found in a text; the zone as it was written, undefined where the format has none. */
export interface FormattedTime {
  readonly days: number;
  readonly micros: number;
  readonly zone: string | undefined;
}

type Field = 'year' | 'month' | 'monthName' | 'day' | 'hour' | 'minute' | 'second' | 'fraction' | 'half' | 'zone';

const TOKENS: readonly (readonly [token: string, pattern: string, field: Field])[] = [
  ['YYYY', '\\d{4}', 'year'],
  ['MMMM', '[a-z]+', 'monthName'],
  ['MMM', '[a-z]{3}', 'monthName'],
  ['MM', '\\d\\d', 'month'],
  ['M', '\\d\\d?', 'month'],
  ['DD', '\\d\\d', 'day'],
  ['D', '\\d\\d?', 'day'],
  ['HH', '\\d\\d', 'hour'],
  ['H', '\\d\\d?', 'hour'],
  ['hh', '\\d\\d', 'hour'],
  ['h', '\\d\\d?', 'hour'],
  ['mm', '\\d\\d', 'minute'],
  ['ss', '\\d\\d', 'second'],
  ['SSSSSS', '\\d{1,6}', 'fraction'],
  ['SSS', '\\d{1,6}', 'fraction'],
  ['A', '[ap]m', 'half'],
  ['Z', 'z|[+-]\\d\\d(?::?\\d\\d)?', 'zone'],
];

const MONTHS = ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november', 'december'];

/**
 * A reader of times in a format of its own, such as `DD/MM/YYYY HH:mm`, `MMM D YYYY`, `h:mm A`: YYYY, M MM MMM (Jan) MMMM (January), D DD, H HH
 * (h hh with A), mm, ss, SSS, SSSSSS, Z; all else stands for itself, words in square brackets too. Undefined for a text that does not fit or is no
 * day of the calendar. OPTION_INVALID for a format without a whole date.
 */
export function timeFormat(format: string): (text: string) => FormattedTime | undefined {
  const { pattern, fields } = compiled(format);
  const hasMonth = fields.includes('month') || fields.includes('monthName');
  if (!fields.includes('year') || !hasMonth || !fields.includes('day') || new Set(fields).size !== fields.length) {
    throw new MillraceError(
      'OPTION_INVALID',
      `the format ${JSON.stringify(format)} does not name a date; write for example DD/MM/YYYY or MMM D YYYY HH:mm`,
    );
  }
  return text => {
    const match = pattern.exec(text);
    if (match === null) return undefined;
    const found: Partial<Record<Field, string>> = {};
    for (const [i, field] of fields.entries()) found[field] = match[i + 1] as string;
    const days = daysOf(Number(found.year), monthOf(found), Number(found.day));
    const micros = microsOf(found);
    return days === undefined || micros === undefined ? undefined : { days, micros, zone: found.zone?.toUpperCase() };
  };
}

function compiled(format: string): { pattern: RegExp; fields: Field[] } {
  const fields: Field[] = [];
  let source = '';
  for (let at = 0; at < format.length;) {
    const literal = /^\[([^\]]*)\]/.exec(format.slice(at));
    const token = literal === null ? TOKENS.find(([name]) => format.startsWith(name, at)) : undefined;
    if (token !== undefined) {
      source += `(${token[1]})`;
      fields.push(token[2]);
      at += token[0].length;
    } else {
      source += (literal?.[1] ?? (format[at] as string)).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
      at += literal?.[0].length ?? 1;
    }
  }
  return { pattern: new RegExp(`^${source}$`, 'i'), fields };
}

/** 0, which is no month, for a name that is none. */
function monthOf({ month, monthName }: Partial<Record<Field, string>>): number {
  if (monthName === undefined) return Number(month);
  const name = monthName.toLowerCase();
  return MONTHS.findIndex(full => full === name || (name.length === 3 && full.startsWith(name))) + 1;
}

function microsOf({ hour = '0', minute = '00', second = '00', fraction = '0', half }: Partial<Record<Field, string>>): number | undefined {
  let hours = Number(hour);
  if (half !== undefined) {
    if (hours < 1 || hours > 12) return undefined;
    hours = (hours % 12) + (half.toLowerCase() === 'pm' ? 12 : 0);
  }
  const micros = parseTime(`${String(hours).padStart(2, '0')}:${minute}:${second}.${fraction}`);
  return micros === 86_400_000_000 ? undefined : micros;
}
