import type { Tables } from '../../sources/postgres-tables.ts';
import { parseAddress } from '../config/addresses.ts';
import { loadSource } from '../config/places.ts';
import { printAddress } from '../config/print-address.ts';
import { MillraceError } from '../errors.ts';
import { type Verification, verify } from '../migration/verify.ts';
import { type TablesVerification, verifyTables } from '../migration/verify-tables.ts';
import { parseNames } from '../query/parse-names.ts';
import { visible } from '../values/text-width.ts';
import type { ExitStatus } from './exit.ts';
import { printCount } from './numbers.ts';
import type { VerifyOptions } from './options.ts';
import { unlessStopped } from './signals.ts';
import { countOf } from '../values/counts.ts';

/** The exit status of places that differ, as of bad data. */
const DIFFERENT = 65;

/** `millrace verify A B`: whether two places have the same records, or two databases the same tables of them. 0: they have; 65: they differ. */
export async function verifyPlaces(a: string, b: string, options: VerifyOptions): Promise<ExitStatus> {
  const isWhole = [a, b].some(place => parseAddress(place, 'source').kind === 'postgres-tables');
  if (isWhole && options.key !== undefined)
    throw new MillraceError('USAGE', '--key: tables have keys of their own; name a table (?table=…) on both sides');
  return unlessStopped(async signal => {
    const run = { signal, ...(options.memory === undefined ? {} : { memory: options.memory }) };
    const { found, lines } = isWhole ? await tablesOf(a, b, run) : await recordsOf(a, b, options, run);
    process.stdout.write(options.json ? `${JSON.stringify(found)}\n` : `${lines.map(visible).join('\n')}\n`);
    return found.equal ? 0 : DIFFERENT;
  });
}

interface Found {
  readonly found: Verification | TablesVerification;
  /** For a person. */
  readonly lines: readonly string[];
}

type Run = Pick<NonNullable<Parameters<typeof verify>[2]>, 'signal' | 'memory'>;

async function recordsOf(a: string, b: string, { key, limit, fromFormat, toFormat }: VerifyOptions, run: Run): Promise<Found> {
  const defaults = { int8: 'bigint' };
  const [left, right] = [await loadSource(a, { format: fromFormat, defaults }), await loadSource(b, { format: toFormat, defaults })];
  const found = await verify(left, right, { ...run, shown: limit, ...(key === undefined ? {} : { key: parseNames(key, '--key') }) });
  return { found, lines: linesOf(found, a, b) };
}

async function tablesOf(a: string, b: string, run: Run): Promise<Found> {
  const found = await verifyTables(await loadSource<Tables>(a), await loadSource<Tables>(b), run);
  return { found, lines: tableLines(found, a, b) };
}

/** Only what differs, table by table. */
function tableLines({ equal, tables, onlyInA, onlyInB }: TablesVerification, a: string, b: string): string[] {
  const records = tables.reduce((sum, table) => sum + table.records[0], 0);
  if (equal) return [`equal: ${countOf(tables.length, 'table')}, ${countOf(records, 'record')}`];
  const lines = ['different', `A: ${printAddress(a)}`, `B: ${printAddress(b)}`];
  for (const name of onlyInA) lines.push(`table ${name}: only in A`);
  for (const name of onlyInB) lines.push(`table ${name}: only in B`);
  for (const { table, ...found } of tables.filter(one => !one.equal)) {
    const [mine, theirs] = found.records;
    lines.push(
      `table ${table}: ${mine === theirs ? countOf(mine, 'record') : `${countOf(mine, 'record')} in A, ${printCount(theirs)} in B`}`,
    );
    lines.push(...differencesOf(found).map(line => `  ${line}`));
  }
  return lines;
}

function linesOf(found: Verification, a: string, b: string): string[] {
  const { records, columns } = found;
  if (found.equal) return [`equal: ${countOf(records[0], 'record')}, ${countOf(columns.length, 'column')}`];
  const sides = [`A: ${countOf(records[0], 'record')}, ${printAddress(a)}`, `B: ${countOf(records[1], 'record')}, ${printAddress(b)}`];
  return ['different', ...sides, ...differencesOf(found)];
}

function differencesOf({ records, columns, recordsEqual, onlyInA, onlyInB, differences }: Verification): string[] {
  const lines: string[] = [];
  for (const name of onlyInA) lines.push(`column ${name}: only in A`);
  for (const name of onlyInB) lines.push(`column ${name}: only in B`);
  for (const { name, types } of columns.filter(column => !column.equal))
    lines.push(`column ${name}: other values${types[0] === types[1] ? '' : ` (${types[0]} in A, ${types[1]} in B)`}`);
  if (!recordsEqual && records[0] === records[1] && columns.every(({ equal }) => equal))
    lines.push('each column has the same values, in other records');
  if (differences === undefined) return lines;
  const { onlyInA: more, onlyInB: less, different, shown } = differences;
  lines.push(`${countOf(more, 'record')} only in A, ${printCount(less)} only in B, ${printCount(different)} different`);
  for (const { key, found: where, columns: other } of shown) {
    const what = where === 'different' ? `different: ${(other ?? []).join(', ')}` : where.replace(/[ab]$/, side => side.toUpperCase());
    lines.push(`${key.map(text => text ?? 'null').join(', ')}: ${what}`);
  }
  return lines;
}
