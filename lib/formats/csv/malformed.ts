import { MillraceError } from '../../errors.ts';

/** Where in the input: for messages, which never contain what stands there. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export function ragged(place: Place, found: number, wanted: number): MillraceError {
  return malformed(place, `the record has ${fieldCount(found)}, ${wanted} wanted`);
}

export function quoteInField(place: Place): MillraceError {
  return malformed(place, 'a quote inside an unquoted field; put the field in quotes and double the quote, or set relaxQuotes');
}

export function textAfterQuote(place: Place): MillraceError {
  return malformed(place, 'text after a closing quote; a quote inside quotes is doubled');
}

export function openQuote(place: Place): MillraceError {
  return malformed(place, 'the quote opened here is never closed: the file is cut off, or a quote was not doubled');
}

export function tooLarge(place: Place, maxRecordBytes: number, isQuoted: boolean): MillraceError {
  const why = isQuoted ? '; a quote opened in it may never be closed' : '';
  return new MillraceError(
    'RECORD_TOO_LARGE',
    `${place.file}:${place.line}: the record has more than ${maxRecordBytes} bytes (maxRecordBytes)${why}`,
  );
}

export function malformed(place: Place, what: string): MillraceError {
  return new MillraceError('DATA_MALFORMED', `${place.file}:${place.line}: ${what}`);
}

function fieldCount(count: number): string {
  return count === 1 ? '1 field' : `${count} fields`;
}
