import { MillraceError } from '../../errors.ts';

/** Where in the input: for messages, which never contain what stands there. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly offset: number;
}

export function malformed({ file, line, offset }: Place, what: string): MillraceError {
  return new MillraceError('DATA_MALFORMED', `${file}:${line}: ${what} (byte ${offset})`);
}

/** Of what JSON.parse says only the place is kept: its message quotes the text. */
export function notJson(place: Place, thrown: unknown): MillraceError {
  const at = thrown instanceof Error ? /at position (\d+)/.exec(thrown.message)?.[1] : undefined;
  const atEnd = thrown instanceof Error && /^Unexpected end/.test(thrown.message);
  const where = at === undefined ? '' : ` at character ${Number(at) + 1} of the record`;
  return malformed(place, atEnd ? 'the JSON is cut off' : `not JSON${where}`);
}

export function tooLarge({ file, line }: Place, maxRecordBytes: number): MillraceError {
  return new MillraceError('RECORD_TOO_LARGE', `${file}:${line}: the record has more than ${maxRecordBytes} bytes (maxRecordBytes)`);
}
