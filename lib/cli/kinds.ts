import { z } from 'zod';
import { coreOf } from '../config/text-options.ts';
import type { ExitStatus } from './exit.ts';

interface Described {
  readonly kind: string;
  readonly definition: { readonly options: z.ZodType; readonly guarantee?: string };
}

/** `millrace kinds`: what there is, with its options. */
export async function kinds(): Promise<ExitStatus> {
  const [{ sourceKinds }, { operatorKinds }, { sinkKinds }] = await Promise.all([
    import('../../sources/index.ts'),
    import('../../operators/index.ts'),
    import('../../sinks/index.ts'),
  ]);
  const lines = [
    ...section('Sources', sourceKinds as unknown as readonly Described[]),
    ...section('Operators', operatorKinds as unknown as readonly Described[]),
    ...section('Sinks', sinkKinds as unknown as readonly Described[]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

function section(title: string, described: readonly Described[]): string[] {
  return [title, ...described.flatMap(linesOf), ''];
}

export function linesOf({ kind, definition }: Described): string[] {
  const guarantee = definition.guarantee === undefined ? '' : `  (${definition.guarantee})`;
  const shape = definition.options instanceof z.ZodObject ? (definition.options.shape as Record<string, z.ZodType>) : {};
  const names = Object.keys(shape);
  const width = Math.max(0, ...names.map(name => name.length));
  return [`  ${kind}${guarantee}`, ...names.map(name => `    ${name.padEnd(width)}  ${optionText(shape[name] as z.ZodType)}`)];
}

/** `text`, `number, default 4096`, `a | b, default a, required`. */
function optionText(field: z.ZodType): string {
  const fallback = defaultOf(field);
  const parts = [typeText(field)];
  if (fallback !== undefined) parts.push(`default ${JSON.stringify(fallback)}`);
  else if (!mayBeLeftOut(field)) parts.push('required');
  return field.description === undefined ? parts.join(', ') : `${parts.join(', ')}: ${field.description}`;
}

function mayBeLeftOut(field: z.ZodType): boolean {
  if (field instanceof z.ZodNullable || field instanceof z.ZodReadonly) return mayBeLeftOut(field.def.innerType as z.ZodType);
  return field instanceof z.ZodOptional || field instanceof z.ZodDefault || field instanceof z.ZodPrefault;
}

function defaultOf(field: z.ZodType): unknown {
  if (field instanceof z.ZodDefault) return field.def.defaultValue;
  return field instanceof z.ZodOptional || field instanceof z.ZodNullable ? defaultOf(field.def.innerType as z.ZodType) : undefined;
}

function typeText(field: z.ZodType): string {
  const core = coreOf(field);
  if (core instanceof z.ZodEnum) return core.options.join(' | ');
  if (core instanceof z.ZodLiteral) return [...core.values].map(value => JSON.stringify(value)).join(' | ');
  if (core instanceof z.ZodArray) return `list of ${typeText(core.element as z.ZodType)}`;
  if (core instanceof z.ZodUnion) return [...new Set((core.options as readonly z.ZodType[]).map(typeText))].join(' | ');
  if (core instanceof z.ZodRecord) return `${typeText(core.keyType as z.ZodType)} = ${typeText(core.valueType as z.ZodType)}, …`;
  return NAMES[core.def.type] ?? core.def.type;
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true | false',
  number: 'number',
  unknown: 'any',
  custom: 'any',
};
