import { loadSource } from '../config/places.ts';
import { printAddress } from '../config/print-address.ts';
import { type Verification, verify } from '../migration/verify.ts';
import { parseNames } from '../query/parse-names.ts';

import { visible } from '../values/text-width.ts';
import type { ExitStatus } from './exit.ts';
import type { VerifyOptions } from './options.ts';
import { listenForSignals } from './signals.ts';

/** The exit status of places that differ, as of bad data. */
const DIFFERENT = 65;

/** `millrace verify A B`: whether two places have the same records. 0: they have; 65: they differ. */
export async function verifyPlaces(a: string, b: string, options: VerifyOptions): Promise<ExitStatus> {
  const defaults = { int8: 'bigint' };
  const [left, right] = [
    await loadSource(a, { format: options.fromFormat, defaults }),
    await loadSource(b, { format: options.toFormat, defaults }),
  ];
  const stopping = listenForSignals(() => undefined);
  try {
    const found = await verify(left, right, {
      signal: AbortSignal.any([stopping.drain, stopping.abort]),
      shown: options.limit,
      ...(options.key === undefined ? {} : { key: parseNames(options.key, '--key') }),
      ...(options.memory === undefined ? {} : { memory: options.memory }),
    });
    if (options.json) process.stdout.write(`${JSON.stringify(found)}\n`);
    else process.stdout.write(`${linesOf(found, a, b).map(visible).join('\n')}\n`);
    return found.equal ? 0 : DIFFERENT;
  } catch (error) {
    const status = stopping.status();
    if (status === undefined) throw error;
    return status;
  } finally {
    stopping.release();
  }
}

function linesOf(found: Verification, a: string, b: string): string[] {
  const { records, columns, onlyInA, onlyInB, differences } = found;
  if (found.equal) return [`equal: ${count(records[0])} records, ${count(columns.length)} columns`];
  const lines = ['different', `A: ${count(records[0])} records, ${printAddress(a)}`, `B: ${count(records[1])} records, ${printAddress(b)}`];
  for (const name of onlyInA) lines.push(`column ${name}: only in A`);
  for (const name of onlyInB) lines.push(`column ${name}: only in B`);
  for (const { name, types } of columns.filter(column => !column.equal))
    lines.push(`column ${name}: other values${types[0] === types[1] ? '' : ` (${types[0]} in A, ${types[1]} in B)`}`);
  if (!found.recordsEqual && records[0] === records[1] && columns.every(({ equal }) => equal))
    lines.push('each column has the same values, in other records');
  if (differences === undefined) return lines;
  const { onlyInA: more, onlyInB: less, different, shown } = differences;
  lines.push(`${count(more)} records only in A, ${count(less)} only in B, ${count(different)} different`);
  for (const { key, found: where, columns: other } of shown) {
    const what = where === 'different' ? `different: ${(other ?? []).join(', ')}` : where.replace(/[ab]$/, side => side.toUpperCase());
    lines.push(`${key.map(text => text ?? 'null').join(', ')}: ${what}`);
  }
  return lines;
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}
