import type { z } from 'zod';
import { suggestion } from '../../errors.ts';

type Issue = z.core.$ZodIssue;

/** Options whose values stay out of messages: they are secrets, or may hold one. */
const SECRET = /pass|secret|token|credential|apikey|url/i;
const LONGEST = 60;

/** What is wrong with an option, in a sentence: `option "mode": found "apend"; did you mean "append"?` */
export function optionIssue(issue: Issue, options: unknown): string {
  const place = issue.path.map(String).join('.');
  const found = valueAt(options, issue.path);
  if (place === '' || issue.code === 'custom') return `${place === '' ? '' : `option ${JSON.stringify(place)}: `}${issue.message}`;
  if (found === undefined) return `option ${JSON.stringify(place)} is missing, wanted is ${wanted(issue)}`;
  const shown = SECRET.test(place) ? '' : `found ${printed(found)}`;
  if (issue.code === 'invalid_value' && typeof found === 'string')
    return `option ${JSON.stringify(place)}: ${shown}${suggestion(found, issue.values.map(String))}`;
  return `option ${JSON.stringify(place)}: ${shown}${shown === '' ? '' : ', '}wanted is ${wanted(issue)}`;
}

function wanted(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.map(value => JSON.stringify(value)).join(' or ');
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${UNITS[issue.origin] ?? ''}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${UNITS[issue.origin] ?? ''}`;
    case 'invalid_union':
      return [...new Set(issue.errors.flatMap(([first]) => (first === undefined ? [] : [wanted(first)])))].join(', or ');
    default:
      return issue.message;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  record: 'names with values',
  object: 'an object',
};
const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' items' };

function valueAt(options: unknown, path: Issue['path']): unknown {
  return path.reduce<unknown>(
    (value, name) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<PropertyKey, unknown>)[name] : undefined,
    options,
  );
}

function printed(value: unknown): string {
  const text = typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value));
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
