import { JsonNull } from '../values/json.ts';

/** Why a value cannot be coerced; the reason never contains the value. */
export class CoercionFailure {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** JSON's null is null in any other type. */
export function noneOf(value: unknown, reason: CoercionFailure): unknown {
  return value === JsonNull ? null : reason;
}
