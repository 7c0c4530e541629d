/** Predicates judged one value at a time, from the words of FEATURES.md, sharing no code with lib/query. */
import type { Operand } from '../../lib/query/operand.ts';
import type { Comparison, Predicate } from '../../lib/query/predicate.ts';

/** How the column's type has texts read: as they are, as digits, as instants, or as what the literal is (files). */
export type Kind = 'text' | 'numeric' | 'untyped' | 'timestamp';

type Known =
  | { rank: 'number'; value: [bigint, bigint] }
  | { rank: 'text'; value: number[] }
  | { rank: 'boolean'; value: bigint }
  | { rank: 'instant'; value: bigint };

export function holds(predicate: Predicate, record: Record<string, unknown>, kinds: Record<string, Kind>): boolean {
  switch (predicate.op) {
    case 'and':
      return predicate.of.every(part => holds(part, record, kinds));
    case 'or':
      return predicate.of.some(part => holds(part, record, kinds));
    case 'not':
      return !holds(predicate.of[0], record, kinds);
    default:
      return compares(predicate, record[predicate.path[0]], kinds[predicate.path[0]] ?? 'text');
  }
}

function compares(comparison: Comparison, value: unknown, kind: Kind): boolean {
  const isThere = value !== null && value !== undefined;
  if (comparison.op === 'notExists') return !isThere;
  if (!isThere) return false;
  const order = (operand: Operand): number | undefined => orderOf(value, operand, kind);
  const isBetween = (low: Operand, high: Operand): boolean => [0, 1].includes(order(low) ?? -9) && [0, -1].includes(order(high) ?? 9);
  switch (comparison.op) {
    case 'exists':
      return true;
    case '=':
      return order(comparison.value) === 0;
    case '!=':
      return order(comparison.value) !== 0;
    case '<':
      return order(comparison.value) === -1;
    case '<=':
      return [0, -1].includes(order(comparison.value) ?? 9);
    case '>':
      return order(comparison.value) === 1;
    case '>=':
      return [0, 1].includes(order(comparison.value) ?? 9);
    case 'in':
      return comparison.values.some(operand => order(operand) === 0);
    case 'notIn':
      return comparison.values.every(operand => order(operand) !== 0);
    case 'between':
      return isBetween(comparison.low, comparison.high);
    case 'notBetween':
      return !isBetween(comparison.low, comparison.high);
    case 'like':
      return typeof value === 'string' && likeByTable([...comparison.value], [...value]);
    case 'notLike':
      return !(typeof value === 'string' && likeByTable([...comparison.value], [...value]));
    case 'startsWith':
      return typeof value === 'string' && value.slice(0, comparison.value.length) === comparison.value;
    case 'regex':
      return typeof value === 'string' && new RegExp(comparison.value, 'u').test(value);
  }
}

function orderOf(value: unknown, operand: Operand, kind: Kind): number | undefined {
  const wanted = knownOperand(operand, kind);
  const found = knownValue(value, kind, wanted?.rank);
  if (wanted === undefined || found === undefined) return undefined;
  if (wanted.rank === 'number' && found.rank === 'number') return sign(found.value[0] * wanted.value[1] - wanted.value[0] * found.value[1]);
  if (wanted.rank === 'text' && found.rank === 'text') return textOrder(found.value, wanted.value);
  if (wanted.rank === found.rank) return sign((found.value as bigint) - (wanted.value as bigint));
  return undefined;
}

function knownOperand(operand: Operand, kind: Kind): Known | undefined {
  if (typeof operand === 'number') return { rank: 'number', value: fraction(String(operand)) };
  if (typeof operand === 'boolean') return { rank: 'boolean', value: BigInt(operand) };
  if (typeof operand === 'object')
    return 'numeric' in operand
      ? { rank: 'number', value: fraction(operand.numeric) }
      : { rank: 'instant', value: micros(operand.timestamp) };
  if (kind === 'numeric') return /^-?\d+(\.\d+)?$/.test(operand) ? { rank: 'number', value: fraction(operand) } : undefined;
  if (kind === 'timestamp') return /^\d{4}-/.test(operand) ? { rank: 'instant', value: micros(operand) } : undefined;
  return { rank: 'text', value: codePoints(operand) };
}

function knownValue(value: unknown, kind: Kind, wanted: Known['rank'] | undefined): Known | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return { rank: 'number', value: fraction(String(value)) };
  if (typeof value === 'boolean') return { rank: 'boolean', value: BigInt(value) };
  if (typeof value !== 'string') return undefined;
  const isDigits = /^-?\d+(\.\d+)?$/.test(value);
  if (kind === 'numeric') return isDigits ? { rank: 'number', value: fraction(value) } : undefined;
  if (kind === 'timestamp') return /^\d{4}-/.test(value) ? { rank: 'instant', value: micros(value) } : undefined;
  if (kind === 'untyped' && wanted === 'number') return isDigits ? { rank: 'number', value: fraction(value) } : undefined;
  if (kind === 'untyped' && wanted === 'boolean')
    return value === 'true' || value === 'false' ? { rank: 'boolean', value: BigInt(value === 'true') } : undefined;
  return { rank: 'text', value: codePoints(value) };
}

/** Numerator and denominator of plain digits, with a power of ten behind them. */
function fraction(text: string): [bigint, bigint] {
  const [mantissa = '', exponent = '0'] = text.split('e');
  const [whole = '', digits = ''] = mantissa.split('.');
  const places = digits.length - Number(exponent);
  const numerator = BigInt(whole + digits);
  return places > 0 ? [numerator, 10n ** BigInt(places)] : [numerator * 10n ** BigInt(-places), 1n];
}

function micros(text: string): bigint {
  const digits = (/\.(\d+)/.exec(text)?.[1] ?? '').padEnd(6, '0');
  const seconds = text.replace(/\.\d+/, '').replace(/Z$/, '');
  return BigInt(Date.parse(seconds.length === 10 ? `${seconds}T00:00:00Z` : `${seconds}Z`)) * 1000n + BigInt(digits);
}

function codePoints(text: string): number[] {
  return [...text].map(character => character.codePointAt(0)!);
}

function textOrder(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  return Math.sign(a.length - b.length);
}

function sign(value: bigint): number {
  return value < 0n ? -1 : value > 0n ? 1 : 0;
}

/** By dynamic programming over pattern and text, from the definition. */
export function likeByTable(pattern: readonly string[], text: readonly string[]): boolean {
  const items: { any?: 'one' | 'many'; character?: string }[] = [];
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === '\\') items.push({ character: pattern[++i]! });
    else items.push(pattern[i] === '%' ? { any: 'many' } : pattern[i] === '_' ? { any: 'one' } : { character: pattern[i]! });
  }
  let row = [true, ...text.map(() => false)];
  for (const { any, character } of items) {
    const next = [any === 'many' && row[0]!];
    for (let j = 1; j <= text.length; j++)
      next.push(any === 'many' ? row[j]! || next[j - 1]! : row[j - 1]! && (any === 'one' || text[j - 1] === character));
    row = next;
  }
  return row.at(-1)!;
}
