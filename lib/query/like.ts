import { MillraceError } from '../errors.ts';
import { isHighSurrogate, isLowSurrogate } from './text-order.ts';

/** `_` in a segment: any one character. */
const ANY = -1;
/** Half of a character: the engine's own search would find it inside a whole one. */
const LONE_SURROGATE = /[\uD800-\uDFFF]/u;

/**
 * A test of whole texts against a LIKE pattern: `%` any characters, `_` one (a code point), `\` takes what follows as it is; case counts.
 * Between two `%` the leftmost place is the right one, so nothing is ever tried twice from the start: time grows with text × longest segment,
 * not with the number of `%`. PREDICATE_INVALID for a pattern that ends in `\`.
 */
export function compileLike(pattern: string): (text: string) => boolean {
  const segments = segmentsOf(pattern);
  if (!segments.includes(undefined)) return whole(segments[0] as Segment);
  const parts = segments.filter(segment => segment !== undefined);
  const texts = parts.map(textOf);
  if (texts.every(text => text !== undefined) && !LONE_SURROGATE.test(pattern)) return plainTexts(texts);
  return text => matchSegments(parts, text);
}

/** Code points and ANY. */
type Segment = readonly number[];

/** What stands between the `%`; undefined for each of them, so that a pattern without one can be told. Two in a row are one. */
function segmentsOf(pattern: string): (Segment | undefined)[] {
  const segments: (Segment | undefined)[] = [];
  let current: number[] = [];
  let isEscaped = false;
  for (const character of pattern) {
    if (isEscaped || !'%_\\'.includes(character)) {
      current.push(character.codePointAt(0) as number);
      isEscaped = false;
    } else if (character === '\\') isEscaped = true;
    else if (character === '_') current.push(ANY);
    else {
      segments.push(current, undefined);
      current = [];
    }
  }
  if (isEscaped)
    throw new MillraceError('PREDICATE_INVALID', 'a like pattern ends in \\, which escapes nothing; write \\\\ for a backslash');
  segments.push(current);
  return segments;
}

function textOf(segment: Segment): string | undefined {
  return segment.includes(ANY) ? undefined : String.fromCodePoint(...segment);
}

function whole(segment: Segment): (text: string) => boolean {
  const literal = textOf(segment);
  if (literal !== undefined) return text => text === literal;
  return text => matchAt(segment, text, 0) === text.length;
}

/** Segments without `_`: the engine's own search does. */
function plainTexts(texts: readonly string[]): (text: string) => boolean {
  const first = texts[0] as string;
  const last = texts.at(-1) as string;
  const middle = texts.slice(1, -1).filter(text => text !== '');
  const [only] = middle;
  if (middle.length === 0) {
    const least = first.length + last.length;
    if (first === '') return text => text.endsWith(last);
    if (last === '') return text => text.startsWith(first);
    return text => text.length >= least && text.startsWith(first) && text.endsWith(last);
  }
  if (middle.length === 1 && only !== undefined && first === '' && last === '') return text => text.includes(only);
  return text => {
    if (!text.startsWith(first)) return false;
    let at = first.length;
    for (const part of middle) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return text.length - at >= last.length && text.endsWith(last);
  };
}

function matchSegments(segments: readonly Segment[], text: string): boolean {
  let at = matchAt(segments[0] as Segment, text, 0);
  if (at < 0) return false;
  for (const segment of segments.slice(1, -1)) {
    at = find(segment, text, at);
    if (at < 0) return false;
  }
  const last = segments.at(-1) as Segment;
  const start = backFrom(text, last.length);
  return start >= at && matchAt(last, text, start) === text.length;
}

/** Behind the leftmost place from `from` on where the segment stands; -1. */
function find(segment: Segment, text: string, from: number): number {
  for (let at = from; at <= text.length; at += widthAt(text, at)) {
    const end = matchAt(segment, text, at);
    if (end >= 0) return end;
  }
  return -1;
}

/** Behind the segment, if it stands at `at`; -1. */
function matchAt(segment: Segment, text: string, at: number): number {
  let end = at;
  for (const wanted of segment) {
    if (end >= text.length) return -1;
    const found = text.codePointAt(end) as number;
    if (wanted !== ANY && wanted !== found) return -1;
    end += found > 0xffff ? 2 : 1;
  }
  return end;
}

function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

/** Where the last `count` characters begin; -1 when there are fewer. */
function backFrom(text: string, count: number): number {
  let at = text.length;
  for (let i = 0; i < count; i++) {
    at -= at > 1 && isLowSurrogate(text.charCodeAt(at - 1)) && isHighSurrogate(text.charCodeAt(at - 2)) ? 2 : 1;
    if (at < 0) return -1;
  }
  return at;
}
