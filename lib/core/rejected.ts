/** What a row function returns for a record that it refuses. Made by `context.reject`. */
export class Rejected {
  readonly code: string;
  readonly reason: string;

  constructor(code: string, reason: string) {
    this.code = code;
    this.reason = reason;
  }
}
