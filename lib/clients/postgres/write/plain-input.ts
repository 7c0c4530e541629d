import { MillraceError } from '../../../errors.ts';
import type { DataType } from '../../../schema/types.ts';
import type { ByteWriter } from '../values/byte-writer.ts';
import { tooFine } from '../values/encode-times.ts';
import { fieldWriter, type FieldWriter } from '../values/encode.ts';
import { isFinerThan } from './carry-checks.ts';
import { LIST_GROWTH } from './field-text-lists.ts';
import { FIELD_OVERHEAD, fieldForm, type FieldReader } from './field-text.ts';

/** Thrown by writers of `plainInputWriter`, which are no judges of a value's form: the server is. */
export class OddForm extends Error {}

const LONGEST_TEXT = 1024;
/** The text of one value, with a NUL behind it. */
const scratch = Buffer.alloc(LONGEST_TEXT + 1);

/**
 * Text as the server's input rules would read it, in binary: forms of one meaning whatever its settings are, else OddForm. Undefined for types whose
 * text only the server can read. `isChecked`: digits beyond what is declared are VALUE_NOT_CARRIED, which the server would round.
 */
export function plainInputWriter(type: DataType, isChecked: boolean): FieldWriter | undefined {
  const form = fieldForm(type);
  if (form === undefined) return undefined;
  if ('prefix' in form) return textWriter(form.prefix);
  // Whose digits are counted element by element where nothing else is known of them.
  if (isChecked && type.element?.precision !== undefined) return undefined;
  const write = readingWriter(form.read, form.isList === true ? LIST_GROWTH : 1);
  if (!isChecked || type.precision === undefined) return write;
  return type.kind === 'numeric' ? checkedNumeric(write, type) : checkedTime(write, type, type.precision);
}

function textWriter(prefix: Uint8Array): FieldWriter {
  return (out, value) => {
    if (typeof value !== 'string') throw new OddForm();
    const start = out.at;
    out.int32(0);
    out.raw(prefix);
    out.text(value);
    out.view.setInt32(start, out.at - start - 4);
  };
}

function readingWriter(read: FieldReader, growth: number): FieldWriter {
  return (out, value) => {
    if (typeof value !== 'string' || value.length > LONGEST_TEXT) throw new OddForm();
    const { length } = value;
    for (let i = 0; i < length; i++) {
      const char = value.charCodeAt(i);
      if (char > 127) throw new OddForm();
      scratch[i] = char;
    }
    scratch[length] = 0;
    out.reserve(length * growth + FIELD_OVERHEAD);
    if (read(scratch, 0, out) !== length) throw new OddForm();
  };
}

/** Where the count of digits behind the point stands in a numeric. */
const SCALE_AT = 10;

function checkedNumeric(write: FieldWriter, type: DataType): FieldWriter {
  const { scale = 0 } = type;
  const writeExact = fieldWriter(type);
  return (out: ByteWriter, value) => {
    const start = out.at;
    write(out, value);
    if (out.view.getInt16(start + SCALE_AT) <= scale) return;
    out.at = start;
    try {
      writeExact(out, value);
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'VALUE_NOT_CARRIED') throw error;
      throw new OddForm();
    }
  };
}

function checkedTime(write: FieldWriter, type: DataType, precision: number): FieldWriter {
  return (out, value) => {
    write(out, value);
    if (isFinerThan(value as string, precision)) tooFine(type);
  };
}
