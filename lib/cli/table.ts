import type { Schema } from '../schema/schema.ts';
import { typeName } from '../schema/types.ts';
import { cutToWidth, textWidth, visible } from '../values/text-width.ts';
import { countOf } from '../values/counts.ts';

/** What stands in a table: a text, or null for SQL's NULL and for fields that are not there. */
export type Cell = string | null;

const NULL = '∅';
const GAP = '  ';
const LEAST_WIDTH = 5;
const NUMBERS: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric']);

/**
 * Lines of an aligned table that is at most `width` cells wide: names, types, a rule, the records. The widest columns are cut first;
 * columns that do not fit at all are named below.
 */
export function tableLines(schema: Schema, rows: readonly (readonly Cell[])[], width: number): string[] {
  const columns = schema.fields.map(({ name, type }, i) => ({
    texts: [visible(name), visible(typeName(type)), ...rows.map(row => shown(row[i] ?? null))],
    isNumber: NUMBERS.has(type.kind),
  }));
  const fitting = Math.max(1, Math.min(columns.length, Math.floor((width + GAP.length) / (LEAST_WIDTH + GAP.length))));
  const left = columns.slice(fitting).map(({ texts }) => texts[0] as string);
  const widths = fit(
    columns.slice(0, fitting).map(({ texts }) => Math.max(1, ...texts.map(textWidth))),
    width - GAP.length * (fitting - 1),
  );
  const line = (at: number): string =>
    columns
      .slice(0, fitting)
      .map(({ texts, isNumber }, i) => padded(texts[at] as string, widths[i] as number, isNumber))
      .join(GAP)
      .trimEnd();
  const rule = widths.map(cells => '─'.repeat(cells)).join(GAP);
  const more = left.length === 0 ? [] : [cutToWidth(`… and ${countOf(left.length, 'more column')}: ${left.join(', ')}`, width)];
  return [line(0), line(1), rule, ...rows.map((_, i) => line(i + 2)), ...more];
}

function shown(cell: Cell): string {
  return cell === null ? NULL : visible(cell);
}

/** The widths as they are where they fit; else the widest are made equal to one another until they do. */
function fit(wanted: readonly number[], width: number): number[] {
  let most = Math.max(...wanted);
  const total = (limit: number): number => wanted.reduce((sum, cells) => sum + Math.min(cells, limit), 0);
  while (most > LEAST_WIDTH && total(most) > width) most--;
  return wanted.map(cells => Math.min(cells, most));
}

function padded(text: string, width: number, toTheRight: boolean): string {
  const cut = cutToWidth(text, width);
  const blanks = ' '.repeat(Math.max(0, width - textWidth(cut)));
  return toTheRight ? blanks + cut : cut + blanks;
}
