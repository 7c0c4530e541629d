import { it } from 'mocha';
import { POSTGRES_VERSION } from './postgres.ts';

/** What servers have only from a major version on. */
const SINCE = {
  'infinite numerics': 14,
  multiranges: 14,
  'bound function bodies': 14,
  'scans of ctid ranges': 14,
  'scales beyond the precision': 15,
  'the longest intervals': 15,
  'NULLS NOT DISTINCT': 15,
  MERGE: 15,
  'GRANT … WITH INHERIT': 16,
  'infinite intervals': 17,
  'virtual columns': 18,
  'names of NOT NULL': 18,
} as const;

export type ServerFeature = keyof typeof SINCE;

export function serverHas(feature: ServerFeature): boolean {
  return POSTGRES_VERSION >= SINCE[feature];
}

/** `it`; pending where the servers of this process have not what it is about. */
export function itWith(feature: ServerFeature): typeof it | typeof it.skip {
  return serverHas(feature) ? it : it.skip;
}

/** Whether the servers of this process know what SQL says there: a type, a value, or a value with its type. */
export function serverKnows(expression: string): boolean {
  const [, precision, scale] = /numeric\((\d+),\s*(-?\d+)\)/.exec(expression) ?? [];
  if (scale !== undefined && (Number(scale) < 0 || Number(scale) > Number(precision)) && !serverHas('scales beyond the precision'))
    return false;
  if (/2562047788 hours/.test(expression) && !serverHas('the longest intervals')) return false;
  if (/multirange/.test(expression) && !serverHas('multiranges')) return false;
  if (!/infinity/i.test(expression)) return true;
  if (/num(?:eric|range)/.test(expression)) return serverHas('infinite numerics');
  return !/interval/.test(expression) || serverHas('infinite intervals');
}
