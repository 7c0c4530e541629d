import { MillraceError } from '../../../../errors.ts';

/** What stands before a table's name in a definition. */
export const ON = [' ON ', ' ON ONLY '] as const;
export const REFERENCES = [' REFERENCES '] as const;

/**
 * What a server's definition has before one of these words with a name, and behind that name. Names and texts in a definition are quoted, so the
 * first place outside of quotes is the one. `name`: as the server prints it, qualified.
 */
export function splitAt(definition: string, words: readonly string[], name: string): [before: string, behind: string] {
  const quoted = /"(?:[^"]|"")*"|'(?:[^']|'')*'/y;
  for (let at = 0; at < definition.length; at++) {
    quoted.lastIndex = at;
    if (quoted.test(definition)) at = quoted.lastIndex - 1;
    const word = definition[at] === ' ' ? words.find(candidate => isAt(definition, at, candidate, name)) : undefined;
    if (word !== undefined) return [definition.slice(0, at).trim(), definition.slice(at + word.length + name.length).trim()];
  }
  throw unreadable(definition, name);
}

function isAt(definition: string, at: number, word: string, name: string): boolean {
  const end = at + word.length + name.length;
  return definition.startsWith(word + name, at) && ' ('.includes(definition[end] ?? ' ');
}

export function unreadable(definition: string, name: string): MillraceError {
  return new MillraceError('INTERNAL', `a definition does not name ${name}: ${definition.slice(0, 60)}…`);
}
