import fc from 'fast-check';
import { type Operand, operandOf } from '../../lib/query/operand.ts';
import type { Path } from '../../lib/query/path.ts';
import type { Predicate } from '../../lib/query/predicate.ts';

/** Texts that are apt to be confused: digits, keywords, quotes, characters on both sides of the surrogates. */
export const text = fc.oneof(
  fc
    .array(fc.constantFrom('a', 'b', 'A', '%', '_', "'", '"', ' ', '\uFFFD', '\u{1F6F6}', '\uE000', '0'), { maxLength: 4 })
    .map(parts => parts.join('')),
  fc.constantFrom('', '5', '5.0', '-1', 'true', 'and', 'null', '2024-01-01', '10'),
);
export const digits = fc.oneof(
  fc.integer({ min: -20, max: 20 }).map(String),
  fc
    .tuple(fc.integer({ min: -3, max: 3 }), fc.constantFrom('0', '5', '50', '10', '1', '30000000000000004', '00000000000000000001'))
    .map(([a, b]) => `${a}.${b}`),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }).map(String),
);
export const number = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.integer({ min: -40, max: 40 }).map(n => n / 4),
  fc.constantFrom(0.1, 0.3, 0.1 + 0.2, 2 ** 53, 2 ** 53 - 1),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
  fc.bigInt({ min: -9n, max: 9n }),
);
export const instant = fc
  .tuple(
    fc.integer({ min: 1, max: 2 }),
    fc.constantFrom('', 'T00:00:00', 'T12:30:00', 'T12:30:00.500', 'T12:30:00.500001', 'T12:30:00.499999'),
  )
  .map(([day, time]) => `2024-01-0${day}${time}`);

export const operand: fc.Arbitrary<Operand> = fc
  .oneof(
    text,
    number,
    digits.map(value => ({ numeric: value })),
    fc.boolean(),
    instant.map(value => ({ timestamp: `${value.length === 10 ? `${value}T00:00:00` : value}Z` })),
    digits,
    instant,
  )
  .map(value => operandOf(value)!);

export const value = fc.oneof(text, number, fc.boolean(), fc.constant(null), digits, instant);

const like = fc.array(fc.constantFrom('a', 'b', '%', '_', '\\%', '\u{1F6F6}', '\\\\', '0'), { maxLength: 5 }).map(parts => parts.join(''));
const regex = fc.constantFrom('a', '^a', 'b$', '[ab]+', 'a.b', '^(a|b)*$', '0?a', 'a{2}', '(ab)?A', '\u{1F6F6}');

/** Predicates over these paths. */
export function predicate(path: fc.Arbitrary<Path>): fc.Arbitrary<Predicate> {
  return fc.letrec<{ whole: Predicate; leaf: Predicate; tree: Predicate }>(tie => ({
    whole: fc.oneof({ maxDepth: 3, depthIdentifier: 'predicate' }, tie('leaf'), tie('tree')),
    leaf: fc.oneof(
      fc.record({
        op: fc.constantFrom('=' as const, '!=' as const, '<' as const, '<=' as const, '>' as const, '>=' as const),
        path,
        value: operand,
      }),
      fc.record({ op: fc.constantFrom('in' as const, 'notIn' as const), path, values: fc.array(operand, { minLength: 1, maxLength: 4 }) }),
      fc.record({ op: fc.constantFrom('between' as const, 'notBetween' as const), path, low: operand, high: operand }),
      fc.record({ op: fc.constantFrom('like' as const, 'notLike' as const), path, value: like }),
      fc.record({ op: fc.constant('regex' as const), path, value: regex }),
      fc.record({ op: fc.constant('startsWith' as const), path, value: text }),
      fc.record({ op: fc.constantFrom('exists' as const, 'notExists' as const), path }),
    ),
    tree: fc.oneof(
      fc.record({ op: fc.constantFrom('and' as const, 'or' as const), of: fc.array(tie('whole'), { minLength: 2, maxLength: 3 }) }),
      fc.record({ op: fc.constant('not' as const), of: fc.tuple(tie('whole')) }),
    ),
  })).whole;
}
