/** The proleptic Gregorian calendar in whole days, as PostgreSQL and Date have it. Year 0 is 1 BC. */

/** Days of a month; 0 where there is no such month. */
function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  if (month < 1 || month > 12) return 0;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01 of a date; undefined when there is no such day. */
export function daysOf(year: number, month: number, day: number): number | undefined {
  if (day < 1 || day > daysInMonth(year, month)) return undefined;
  // Years that begin in March put the leap day at their end. Source: https://howardhinnant.github.io/date_algorithms.html
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

export interface CalendarDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** The date that lies `days` after 1970-01-01. */
export function dateOf(days: number): CalendarDate {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = (shifted - era * 146_097) | 0;
  // From here on numbers are small and not negative: whole divisions cost a fraction of Math.floor.
  const yearOfEra = ((dayOfEra - ((dayOfEra / 1460) | 0) + ((dayOfEra / 36_524) | 0) - ((dayOfEra / 146_096) | 0)) / 365) | 0;
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0));
  const monthFromMarch = ((5 * dayOfYear + 2) / 153) | 0;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day: dayOfYear - (((153 * monthFromMarch + 2) / 5) | 0) + 1 };
}

/** `2024-03-01`; years past 9999 have more digits, years before 1 end in ` BC` (`0044-03-15 BC`), both as PostgreSQL reads them. */
export function printDate(days: number): string {
  const { year, month, day } = dateOf(days);
  return `${yearText(year)}-${twoDigits(month)}-${twoDigits(day)}${year > 0 ? '' : ' BC'}`;
}

/** The year's digits without its era: at least four. */
export function yearText(year: number): string {
  const shown = year > 0 ? year : 1 - year;
  return shown > 999 ? String(shown) : String(shown).padStart(4, '0');
}

const TWO_DIGITS = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0'));

export function twoDigits(value: number): string {
  return TWO_DIGITS[value] as string;
}

/** The fraction of a second as it is printed: nothing, `.` and three digits, or six where microseconds need them. */
export function fractionText(micros: number): string {
  if (micros === 0) return '';
  return micros % 1000 === 0 ? `.${String(micros / 1000).padStart(3, '0')}` : `.${String(micros).padStart(6, '0')}`;
}
