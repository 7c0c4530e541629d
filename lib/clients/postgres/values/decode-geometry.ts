/**
 * Geometric types, as the text that PostgreSQL prints: pairs of doubles in brackets of their own.
 * Source: src/backend/utils/adt/geo_ops.c (the *_send and *_out functions)
 */
import type { DecodeText, FieldDecoder, FieldSource } from './field.ts';

const TEXTS: Readonly<Record<string, DecodeText>> = {
  point: (source, at) => points(source, at, 1),
  lseg: (source, at) => `[${points(source, at, 2)}]`,
  box: (source, at) => points(source, at, 2),
  line: ({ view }, at) => `{${[0, 8, 16].map(offset => doubleText(view.getFloat64(at + offset))).join(',')}}`,
  path: (source, at) => {
    const text = points(source, at + 5, source.view.getInt32(at + 1));
    return source.bytes[at] === 1 ? `(${text})` : `[${text}]`;
  },
  polygon: (source, at) => `(${points(source, at + 4, source.view.getInt32(at))})`,
  circle: (source, at) => `<${points(source, at, 1)},${doubleText(source.view.getFloat64(at + 16))}>`,
};

/** The decoder of a geometric type by its name; undefined for what is none. */
export function geometryDecoder(name: string): FieldDecoder | undefined {
  const text = Object.hasOwn(TEXTS, name) ? TEXTS[name] : undefined;
  return text === undefined ? undefined : { decode: text, text };
}

function points({ view }: FieldSource, at: number, count: number): string {
  return Array.from({ length: count }, (_, i) => {
    const [x, y] = [view.getFloat64(at + 16 * i), view.getFloat64(at + 16 * i + 8)];
    return `(${doubleText(x)},${doubleText(y)})`;
  }).join(',');
}

/** The shortest digits, with an exponent of two digits from 1e15 on and below 0.0001: as float8out has it. */
function doubleText(value: number): string {
  if (Object.is(value, -0)) return '-0';
  if (!Number.isFinite(value) || value === 0) return String(value);
  const [digits, exponent] = value.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < 15) return power >= 0 ? String(value) : fixed(digits, power);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** 1.5 and -3: 0.0015. */
function fixed(digits: string, power: number): string {
  const sign = digits.startsWith('-') ? '-' : '';
  return `${sign}0.${'0'.repeat(-power - 1)}${digits.replace(/[-.]/g, '')}`;
}
