/** Guards for values that go as text, where the server would round or cut without a word. */
import { MillraceError } from '../../../errors.ts';
import type { Printer } from '../../../schema/print.ts';
import type { DataType } from '../../../schema/types.ts';
import { ByteWriter } from '../values/byte-writer.ts';
import { tooFine } from '../values/encode-times.ts';
import { fieldWriter, type FieldWriter } from '../values/encode.ts';

/** A printer that refuses what the binary writer of the type refuses. */
export function checkedPrint(print: Printer, type: DataType, write: FieldWriter): Printer {
  if (!changesSilently(type)) return print;
  const scratch = new ByteWriter(64);
  return value => {
    scratch.at = 0;
    write(scratch, value);
    return print(value);
  };
}

function changesSilently(type: DataType): boolean {
  return (
    type.precision !== undefined || type.length !== undefined || type.kind === 'float4' || type.kind === 'float8' || type.kind === 'array'
  );
}

/** A printer of text that the server will read: digits beyond what is declared are VALUE_NOT_CARRIED, all else is for the server to judge. */
export function checkedInput(print: Printer, type: DataType): Printer {
  if (type.precision === undefined) return print;
  if (type.kind === 'numeric') return checkedDigits(print, type);
  const { precision } = type;
  return value => {
    const text = print(value);
    if (isFinerThan(text, precision)) tooFine(type);
    return text;
  };
}

/** Whether the text of a time has more digits of a second than so many. */
export function isFinerThan(text: string, precision: number): boolean {
  const fraction = /:\d\d\.(\d+)/.exec(text)?.[1] ?? '';
  return /[1-9]/.test(fraction.slice(precision));
}

function checkedDigits(print: Printer, type: DataType): Printer {
  const write = fieldWriter(type);
  const scratch = new ByteWriter(64);
  return value => {
    const text = print(value);
    try {
      scratch.at = 0;
      write(scratch, text.trim());
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'VALUE_NOT_CARRIED') throw error;
    }
    return text;
  };
}
