import { MillraceError } from '../errors.ts';

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A number that a double does not carry exactly: its text, printed bare again. VALUE_INVALID when the text is no JSON number. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    if (!JSON_NUMBER.test(text)) throw new MillraceError('VALUE_INVALID', 'the text of a JsonNumber is not a JSON number');
    this.text = text;
  }

  /** Number(…) and comparisons see the nearest double. */
  valueOf(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }

  /** For JSON.stringify, which can't print it bare; printJson does. */
  toJSON(): string {
    return this.text;
  }
}

class JsonNullValue {
  toJSON(): null {
    return null;
  }

  toString(): string {
    return 'null';
  }
}

/** The JSON value null in a json column, where SQL has NULL beside it. */
export const JsonNull: JsonNullValue = new JsonNullValue();

/** True when a double carries this JSON number exactly: its shortest form stands for the same decimal (1.10 is 1.1, 1e23 is 1e+23). */
export function isExactNumber(text: string): boolean {
  if (text.length <= 15 && !/[eE]/.test(text)) return true;
  const value = Number(text);
  return Number.isFinite(value) && isSameDecimal(text, String(value));
}

function isSameDecimal(a: string, b: string): boolean {
  const [digitsA, exponentA] = decimalOf(a);
  const [digitsB, exponentB] = decimalOf(b);
  return digitsA === digitsB && (digitsA === '' || exponentA === exponentB);
}

/** Significant digits without zeros at either end, and the power of ten of the last. */
function decimalOf(text: string): [string, number] {
  const match = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  const whole = match?.[1] ?? '';
  const fraction = match?.[2] ?? '';
  const digits = (whole + fraction).replace(/^0+/, '');
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 48) end--;
  return [digits.slice(0, end), Number(match?.[3] ?? 0) - fraction.length + (digits.length - end)];
}
