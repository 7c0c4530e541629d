import { hash } from '../lib/values/hash.ts';
import type { DataType } from '../lib/schema/types.ts';
import { printDate } from '../lib/values/calendar.ts';
import { Timestamp } from '../lib/values/timestamp.ts';

/** A column of made-up values: each of the seed (mixed with the column's own salt) and the row number alone. */
export interface GeneratedColumn {
  readonly name: string;
  readonly type: DataType;
  readonly nullable: boolean;
  readonly salt: number;
  readonly make: (seed: number, row: number) => unknown;
}

const FIRST_NAMES = [
  'Ada',
  'Björn',
  'Chloé',
  'Đặng',
  'Emil',
  'Fatıma',
  '光',
  'Hélène',
  'Ivan',
  'José',
  'Květa',
  'Léa',
  'Мария',
  'Νίκος',
  'Óscar',
  '🙂 Pip',
];
const LAST_NAMES = [
  'Almeida',
  'Bakker',
  'Çelik',
  'Dvořák',
  "O'Neil",
  'García',
  'Haugen',
  'Ito',
  'Jansson',
  'Kowalska',
  'Lindqvist',
  'Müller',
  'van "Wyk"',
  'Nguyễn',
  'Smith, Jr.',
  '王',
];
const HOSTS = ['example.com', 'example.org', 'mail.example.net', 'example.no'];
const TAGS = ['new', 'sale', 'gift', 'express', 'fragile', 'returned', 'b2b', 'vip'];
const DAY_MS = 86_400_000;
/** 2015-01-01, in days since 1970, and the ten years after it in milliseconds. */
const FIRST_DAY = 16_436;
const CREATED_MS = 3652 * DAY_MS;

const COLUMNS: readonly Omit<GeneratedColumn, 'salt'>[] = [
  { name: 'id', type: { kind: 'int8' }, nullable: false, make: (_seed, row) => row + 1 },
  { name: 'customer', type: { kind: 'int4' }, nullable: false, make: (seed, row) => (hash(seed, row) % 10_000) + 1 },
  { name: 'name', type: { kind: 'text' }, nullable: true, make: nameOf },
  { name: 'email', type: { kind: 'text' }, nullable: false, make: (seed, row) => `u${row + 1}@${HOSTS[hash(seed, row) & 3] as string}` },
  { name: 'amount', type: { kind: 'numeric', precision: 14, scale: 4 }, nullable: false, make: amountOf },
  { name: 'score', type: { kind: 'float8' }, nullable: false, make: scoreOf },
  { name: 'active', type: { kind: 'bool' }, nullable: true, make: activeOf },
  { name: 'created', type: { kind: 'timestamptz' }, nullable: false, make: createdOf },
  { name: 'born', type: { kind: 'date' }, nullable: false, make: (seed, row) => printDate((hash(seed, row) % 25_000) - 7300) },
  { name: 'meta', type: { kind: 'jsonb' }, nullable: false, make: metaOf },
];

export const GENERATED_COLUMNS: readonly GeneratedColumn[] = COLUMNS.map((column, i) => ({
  ...column,
  salt: Math.imul(i + 1, 0x9e3779b1),
}));

/** Null, empty, or a name. */
function nameOf(seed: number, row: number): string | null {
  const bits = hash(seed, row);
  if ((bits & 31) === 0) return null;
  if ((bits & 63) === 1) return '';
  return `${FIRST_NAMES[(bits >>> 6) & 15] as string} ${LAST_NAMES[(bits >>> 10) & 15] as string}`;
}

/** Four digits behind the point, up to about a million, some below zero. */
function amountOf(seed: number, row: number): string {
  const bits = hash(seed, row);
  const fraction = hash(bits, row) % 10_000;
  return `${bits % 20 === 0 && bits + fraction > 0 ? '-' : ''}${bits % 1_000_000}.${String(fraction).padStart(4, '0')}`;
}

/** Now and then one of the numbers that are none. */
function scoreOf(seed: number, row: number): number {
  const bits = hash(seed, row);
  if (bits % 1000 < 3) return [Number.NaN, Infinity, -Infinity][bits % 1000] as number;
  return (bits / 2 ** 32 - 0.5) * 200;
}

function activeOf(seed: number, row: number): boolean | null {
  const bits = hash(seed, row) & 15;
  return bits === 0 ? null : bits < 11;
}

function createdOf(seed: number, row: number): Timestamp {
  const bits = hash(seed, row);
  return new Timestamp(FIRST_DAY * DAY_MS + Math.floor((bits / 2 ** 32) * CREATED_MS), hash(bits, row) % 1000);
}

function metaOf(seed: number, row: number): object {
  const bits = hash(seed, row);
  const tags = TAGS.filter((_, i) => ((bits >>> i) & 3) === 3);
  return {
    tags,
    visits: (bits >>> 8) % 500,
    ...((bits & 1) === 0 ? { referrer: null } : { address: { zip: String(bits % 100_000).padStart(5, '0') } }),
  };
}
