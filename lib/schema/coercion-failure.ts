/** Why a value cannot be coerced; the reason never contains the value. */
export class CoercionFailure {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}
