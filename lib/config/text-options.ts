import { z } from 'zod';
import { parseNames, parsePairs } from '../query/parse-names.ts';

/**
 * Options that were written as text (in an address) as their zod fields want them: numbers, booleans, lists, pairs. What does not look
 * like what is wanted, and options that the schema does not know, stay text: the schema refuses them and says what it wants.
 */
export function optionsFromText(schema: z.ZodType, texts: Readonly<Record<string, string>>): Record<string, unknown> {
  const shape = schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>) : {};
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      name,
      Object.hasOwn(shape, name) ? valueFromText(shape[name] as z.ZodType, text, name) : text,
    ]),
  );
}

function valueFromText(field: z.ZodType, text: string, name: string): unknown {
  const wanted = coreOf(field);
  if (wanted instanceof z.ZodNumber) return numberFrom(text);
  if (wanted instanceof z.ZodBoolean) return booleanFrom(text);
  if (wanted instanceof z.ZodArray) return parseNames(text, name).map(item => valueFromText(wanted.element as z.ZodType, item, name));
  if (wanted instanceof z.ZodRecord) return parsePairs(text, name, '=');
  if (wanted instanceof z.ZodLiteral) return [...wanted.values].find(value => String(value) === text) ?? text;
  if (wanted instanceof z.ZodUnion) return unionFrom(wanted.options as readonly z.ZodType[], text, name);
  return text;
}

/** What stands inside of optional, default, nullable and transform. */
export function coreOf(field: z.ZodType): z.ZodType {
  if (
    field instanceof z.ZodOptional ||
    field instanceof z.ZodDefault ||
    field instanceof z.ZodNullable ||
    field instanceof z.ZodPrefault ||
    field instanceof z.ZodReadonly
  ) {
    return coreOf(field.def.innerType as z.ZodType);
  }
  return field instanceof z.ZodPipe ? coreOf(field.def.in as z.ZodType) : field;
}

/** The first form that the text becomes something else than text by; else the text. A field that takes a text as it is splits none. */
function unionFrom(forms: readonly z.ZodType[], text: string, name: string): unknown {
  const isText = forms.some(form => coreOf(form) instanceof z.ZodString);
  for (const form of forms) {
    if (isText && (coreOf(form) instanceof z.ZodArray || coreOf(form) instanceof z.ZodRecord)) continue;
    const value = valueFromText(form, text, name);
    if (value !== text && form.safeParse(value).success) return value;
  }
  return text;
}

function numberFrom(text: string): unknown {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

function booleanFrom(text: string): unknown {
  return /^(true|1|yes|on)$/i.test(text) ? true : /^(false|0|no|off)$/i.test(text) ? false : text;
}
