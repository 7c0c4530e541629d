import { MillraceError } from '../../errors.ts';

/** Where in the input: for messages, which never contain what stands there. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly offset: number;
}

export function malformed(place: Place, what: string): MillraceError {
  return new MalformedAt(place, what);
}

/** DATA_MALFORMED at a byte of UTF-8. */
export class MalformedAt extends MillraceError {
  readonly #place: Place;
  readonly #what: string;

  constructor(place: Place, what: string, bytes = '') {
    super('DATA_MALFORMED', `${place.file}:${place.line}: ${what} (byte ${place.offset}${bytes})`);
    this.#place = place;
    this.#what = what;
  }

  /** The same of a file in another encoding, whose bytes are others. */
  ofText(): MalformedAt {
    return new MalformedAt(this.#place, this.#what, ' of its text in UTF-8');
  }
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
