import { parseDate, parseLocalTimestamp } from '../values/local-time.ts';
import { Timestamp } from '../values/timestamp.ts';
import { BOOL, type DataType, INT8, NUMERIC, TEXT, TIMESTAMPTZ } from './types.ts';

/**
 * The type of a column of text (null: no value), for tables made of files: whole numbers int8, with a point numeric, `true` and `false` bool, ISO
 * dates and times, lower-case uuid; anything else, and nothing at all, text. Numbers with leading zeros or more than 15 digits stay text: they may
 * be names. No value is changed by it, though times may be printed in another form.
 */
export function inferTextType(texts: Iterable<string | null>): DataType {
  let candidates: readonly TextType[] = TEXT_TYPES;
  let isEmpty = true;
  for (const text of texts) {
    if (text === null) continue;
    isEmpty = false;
    candidates = candidates.filter(candidate => candidate.fits(text));
    if (candidates.length === 0) return TEXT;
  }
  return isEmpty ? TEXT : (candidates[0]?.type ?? TEXT);
}

interface TextType {
  readonly type: DataType;
  readonly fits: (text: string) => boolean;
}

/** The narrowest first. */
const TEXT_TYPES: readonly TextType[] = [
  { type: BOOL, fits: text => text === 'true' || text === 'false' },
  { type: INT8, fits: text => /^(?:0|-?[1-9]\d{0,14})$/.test(text) },
  {
    type: NUMERIC,
    fits: text => /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text) && text.replace(/\D/g, '').length <= 15 && !/^-0(?:\.0+)?$/.test(text),
  },
  { type: { kind: 'date' }, fits: text => /^\d{4}-/.test(text) && Number.isFinite(parseDate(text)) },
  { type: TIMESTAMPTZ, fits: text => /^\d{4}-/.test(text) && Timestamp.fromText(text) !== undefined },
  { type: { kind: 'timestamp' }, fits: text => /^\d{4}-\d\d-\d\d[T ]/.test(text) && parseLocalTimestamp(text) !== undefined },
  { type: { kind: 'uuid' }, fits: text => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) },
];
