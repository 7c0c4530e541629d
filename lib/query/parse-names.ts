import { MillraceError } from '../errors.ts';

const NAME = /\s*(?:"((?:[^"]|"")*)"|([^",=:]*[^",=:\s]))\s*/y;

/** `id,name,"odd, ""name"""`: names of columns. OPTION_INVALID with the place. */
export function parseNames(text: string, option: string): string[] {
  return parts(text, option).map(({ left, right, at }) => {
    if (right !== undefined) throw invalid(option, text, at, 'a name, or names divided by commas');
    return left;
  });
}

/** `old=new,…` with `=`, `name:type,…` with `:`; each name once. */
export function parsePairs(text: string, option: string, divider: '=' | ':'): Record<string, string> {
  const pairs = new Map<string, string>();
  for (const { left, right, mark, at } of parts(text, option)) {
    if (right === undefined || mark !== divider) throw invalid(option, text, at, divider === '=' ? 'old=new' : 'column:type');
    if (pairs.has(left)) throw new MillraceError('OPTION_INVALID', `${option}: the column ${JSON.stringify(left)} stands there twice`);
    pairs.set(left, right);
  }
  return Object.fromEntries(pairs);
}

interface Part {
  readonly left: string;
  readonly right: string | undefined;
  readonly mark: string | undefined;
  readonly at: number;
}

function parts(text: string, option: string): Part[] {
  const found: Part[] = [];
  let at = 0;
  const name = (): string => {
    NAME.lastIndex = at;
    const match = NAME.exec(text);
    if (match === null) throw invalid(option, text, at, 'a name');
    at = NAME.lastIndex;
    return match[1]?.replaceAll('""', '"') ?? (match[2] as string);
  };
  for (;;) {
    const start = at;
    const left = name();
    const mark = text[at] === '=' || text[at] === ':' ? text[at++] : undefined;
    found.push({ left, right: mark === undefined ? undefined : name(), mark, at: start });
    if (at >= text.length) return found;
    if (text[at++] !== ',') throw invalid(option, text, at - 1, '","');
  }
}

function invalid(option: string, text: string, at: number, wanted: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `${option} ${JSON.stringify(text)}: wanted ${wanted} at column ${at + 1}`);
}
