/**
 * The part of Standard Schema that Millrace needs: zod, valibot, arktype and others have it.
 * Source: https://standardschema.dev (v1)
 */
export interface StandardSchemaV1<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Out> | Promise<StandardResult<Out>>;
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
  };
}

export type StandardResult<Out> = { readonly value: Out; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export type InferIn<S extends StandardSchemaV1> = NonNullable<S['~standard']['types']>['input'];
export type InferOut<S extends StandardSchemaV1> = NonNullable<S['~standard']['types']>['output'];

/** True for what has the interface: an object or, as arktype's, a function. */
export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || !('~standard' in value)) return false;
  const standard = value['~standard'] as { version?: unknown; validate?: unknown } | null | undefined;
  return standard?.version === 1 && typeof standard.validate === 'function';
}

/** What is said of more issues than these is only their number. */
const MAX_ISSUES = 5;

/**
 * Issues in one line: where, which rule, and what the rule wanted: `age: too_small, minimum 18; name: invalid_type, expected string`. Only facts of
 * the schema are told. The schema's own messages may quote the record (valibot's do): they are taken only when `messages` says so.
 */
export function describeIssues(issues: readonly StandardIssue[], messages = false): string {
  const told = issues.slice(0, MAX_ISSUES).map(issue => {
    const path = pathText(issue.path);
    const what = messages ? issue.message : ruleText(issue);
    return path === '' ? what : `${path}: ${what}`;
  });
  if (issues.length > MAX_ISSUES) told.push(`and ${issues.length - MAX_ISSUES} more`);
  return told.join('; ') || 'the record does not fit the schema';
}

/** `address.zip`, `tags[2]`. */
function pathText(path: StandardIssue['path'] = []): string {
  let text = '';
  for (const segment of path) {
    const key = typeof segment === 'object' ? segment.key : segment;
    text += typeof key === 'number' ? `[${key}]` : `${text === '' ? '' : '.'}${String(key)}`;
  }
  return text;
}

/** What libraries put beside the message: zod `code`, valibot `type`; and what they expected. */
function ruleText(issue: StandardIssue): string {
  const { code, type, expected, format, minimum, maximum, keys } = issue as unknown as Readonly<Record<string, unknown>>;
  const rule = typeof code === 'string' ? code : typeof type === 'string' ? type : 'does not fit';
  const facts = [
    isFact(expected) ? `expected ${expected}` : '',
    isFact(format) ? `format ${format}` : '',
    isFact(minimum) ? `minimum ${minimum}` : '',
    isFact(maximum) ? `maximum ${maximum}` : '',
    Array.isArray(keys) ? `${keys.length} unknown fields` : '',
  ].filter(fact => fact !== '');
  return [rule, ...facts].join(', ');
}

function isFact(value: unknown): value is string | number | bigint {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
}
