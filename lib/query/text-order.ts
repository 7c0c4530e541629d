/** A text with a unit from here on may sort otherwise by code point than by UTF-16 unit: surrogates stand for what lies above U+FFFF. */
const MAY_DIFFER = /[\uD800-\uFFFF]/;

/**
 * Compares texts with `literal` by code point, as UTF-8 bytes and COLLATE "C" do: less than 0 when the text comes before it. Units order a pair
 * rightly where one of both has only units below the surrogates, so for such a literal the engine's own comparison does.
 */
export function textComparator(literal: string): (text: string) => number {
  if (MAY_DIFFER.test(literal)) return text => compareText(text, literal);
  return text => (text === literal ? 0 : text < literal ? -1 : 1);
}

/** Less than 0 when `a` comes before `b` by code point. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  let at = 0;
  while (at < shorter && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === shorter) return a.length - b.length;
  if (at > 0 && isHighSurrogate(a.charCodeAt(at - 1)) && (isLowSurrogate(a.charCodeAt(at)) || isLowSurrogate(b.charCodeAt(at)))) at--;
  return (a.codePointAt(at) as number) - (b.codePointAt(at) as number);
}

export function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

export function isLowSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}
