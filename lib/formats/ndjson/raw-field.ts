const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;
const COMMA = 44;
const CLOSE_BRACE = 125;

/**
 * The JSON text of a field of a JSON object, as it stands there, without blanks around it; of a name that stands twice the last one, as
 * JSON.parse takes it. Null where there is no such field, and for null. `text` is a valid JSON object.
 */
export function rawField(text: string, name: string): string | null {
  let found: string | null = null;
  let at = skipBlanks(text, text.indexOf('{') + 1);
  while (text.charCodeAt(at) !== CLOSE_BRACE) {
    const keyEnd = stringEnd(text, at);
    const isWanted = isKey(text, at, keyEnd, name);
    at = skipBlanks(text, keyEnd);
    if (text.charCodeAt(at) === COLON) at++;
    const start = skipBlanks(text, at);
    at = valueEnd(text, start);
    if (isWanted) found = text.slice(start, at).trimEnd();
    if (text.charCodeAt(at) === COMMA) at = skipBlanks(text, at + 1);
  }
  return found === 'null' ? null : found;
}

function isKey(text: string, start: number, end: number, name: string): boolean {
  const key = text.slice(start + 1, end - 1);
  return key.includes('\\') ? JSON.parse(`"${key}"`) === name : key === name;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= 32) at++;
  return at;
}

/** Behind the quote that closes the string whose first quote stands at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) at += code === BACKSLASH ? 2 : 1;
  return at + 1;
}

/** At the comma or brace behind the value that begins at `start`. */
function valueEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; ; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = stringEnd(text, at) - 1;
        break;
      case 123:
      case 91:
        depth++;
        break;
      case CLOSE_BRACE:
      case 93:
        if (depth-- === 0) return at;
        break;
      case COMMA:
        if (depth === 0) return at;
    }
  }
}
