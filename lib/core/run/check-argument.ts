import { MillraceError } from '../../errors.ts';

/** What a call of a user's has to give: what it is called in messages, and whether it is that. */
const WANTED = {
  function: ['a function', value => typeof value === 'function'],
  array: ['an array', value => Array.isArray(value)],
  object: ['an object', isObject],
} as const satisfies Readonly<Record<string, readonly [string, (value: unknown) => boolean]>>;

/** OPTION_INVALID, naming the argument, what was found and what is wanted: when a stage is built, not at its first record. */
export function checkArgument(kind: string, name: string, value: unknown, wanted: keyof typeof WANTED): void {
  const [what, isIt] = WANTED[wanted];
  if (!isIt(value)) throw wrongArgument(kind, name, value, what);
}

/** `function: argument "use": found a number, wanted is a function` */
export function wrongArgument(kind: string, name: string, value: unknown, wanted: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `${kind}: argument ${JSON.stringify(name)}: found ${typeText(value)}, wanted is ${wanted}`, {
    stage: kind,
  });
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value may be a secret: only what it is is told. */
function typeText(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'string') return 'text';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
