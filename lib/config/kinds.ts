/**
 * The kinds that have an address. Each is loaded when an address names it: so the command line starts fast, and a backend's client is
 * loaded only when its kind is used.
 */
import type { SinkKind, SourceKind } from '../core/define.ts';

export interface KindLoaders {
  readonly sources: Readonly<Record<string, () => Promise<SourceKind>>>;
  readonly sinks: Readonly<Record<string, () => Promise<SinkKind>>>;
}

/** A kind by itself says nothing of what it is `given`: addresses give nothing. */
const asSource = (kind: unknown): SourceKind => kind as SourceKind;
const asSink = (kind: unknown): SinkKind => kind as SinkKind;

export const KINDS: KindLoaders = {
  sources: {
    file: async () => asSource((await import('../../sources/file.ts')).fileKind),
    postgres: async () => asSource((await import('../../sources/postgres.ts')).postgresKind),
    'postgres-tables': async () => asSource((await import('../../sources/postgres-tables.ts')).postgresTablesKind),
    generate: async () => asSource((await import('../../sources/generate.ts')).generateKind),
  },
  sinks: {
    file: async () => asSink((await import('../../sinks/file.ts')).fileKind),
    postgres: async () => asSink((await import('../../sinks/postgres.ts')).postgresKind),
    'postgres-tables': async () => asSink((await import('../../sinks/postgres-tables.ts')).postgresTablesKind),
    null: async () => asSink((await import('../../sinks/null.ts')).nullKind),
  },
};
