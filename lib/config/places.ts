import path from 'node:path';
import { z } from 'zod';
import { MillraceError } from '../errors.ts';
import type { Sink, Source } from '../core/contracts.ts';
import { type Address, type AddressOverrides, parseAddress, type Role } from './addresses.ts';
import { type KindLoaders, KINDS } from './kinds.ts';
import { optionsFromText } from './text-options.ts';

export interface PlaceOptions extends AddressOverrides {
  /** Options set beside the address (`--mode`, `--key`): they win over it, and a kind that does not know one is OPTION_UNKNOWN. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Options for kinds that know them, where the address says nothing. */
  readonly defaults?: Readonly<Record<string, unknown>>;
}

/** The source at an address, checked but not opened. ADDRESS_INVALID, OPTION_UNKNOWN, OPTION_INVALID. */
export async function loadSource<Row = Record<string, unknown>>(
  address: string,
  place: PlaceOptions = {},
  kinds: KindLoaders = KINDS,
): Promise<Source<Row>> {
  const parsed = parseAddress(address, 'source', place);
  const kind = await loaded(kinds.sources, parsed.kind);
  return kind.create<Row>(optionsAt(parsed, place, kind.definition.options), undefined);
}

/** The sink at an address, checked but not opened. ADDRESS_INVALID, OPTION_UNKNOWN, OPTION_INVALID. */
export async function loadSink<Row = Record<string, unknown>>(
  address: string,
  place: PlaceOptions = {},
  kinds: KindLoaders = KINDS,
): Promise<Sink<Row>> {
  const parsed = parseAddress(address, 'sink', place);
  const kind = await loaded(kinds.sinks, parsed.kind);
  return kind.create<Row>(optionsAt(parsed, place, kind.definition.options), undefined);
}

/** The file that an address names, as an absolute path; undefined for standard input and output and for all that is no file. */
export function fileAt(address: string, role: Role): string | undefined {
  const { kind, options } = parseAddress(address, role);
  const named = options['path'];
  return kind !== 'file' || named === undefined || named === '-' ? undefined : path.resolve(named);
}

function loaded<Kind>(kinds: Readonly<Record<string, () => Promise<Kind>>>, kind: string): Promise<Kind> {
  const load = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (load === undefined) throw new MillraceError('INTERNAL', `no kind ${kind}; there is ${Object.keys(kinds).join(', ')}`);
  return load();
}

function optionsAt(address: Address, { options = {}, defaults = {} }: PlaceOptions, schema: z.ZodType): Record<string, unknown> {
  const known = schema instanceof z.ZodObject ? schema.shape : {};
  const applicable = Object.entries(defaults).filter(([name]) => Object.hasOwn(known, name));
  return { ...Object.fromEntries(applicable), ...optionsFromText(schema, address.options), ...options };
}
