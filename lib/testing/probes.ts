import { z } from 'zod';
import { RecordBatch } from '../core/batch/batch.ts';
import type { Sink } from '../core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSink, defineSource } from '../core/define.ts';
import { stageOf } from '../core/run/face.ts';
import type { SinkStage, SourceStage } from '../core/run/stage.ts';
import type { Schema } from '../schema/schema.ts';

const noOptions = z.strictObject({});

interface List {
  readonly pieces: readonly (readonly object[])[];
  readonly schema: Schema | undefined;
  readonly onPiece: (index: number) => void;
  readonly failAfter: number;
}

const listKind = defineSource<typeof noOptions, List>({
  kind: 'list',
  options: noOptions,
  describe: (_options, _context, { schema }) => Promise.resolve(schema),
  async *read(_options, { signal, counted }, { pieces, schema, onPiece, failAfter }) {
    for (const [i, piece] of pieces.entries()) {
      onPiece(i);
      if (i === failAfter) throw new Error('the source fails');
      await new Promise(resolve => setImmediate(resolve));
      if (signal.aborted) return;
      counted({ rows: piece.length });
      yield RecordBatch.of(piece as AnyRow[], schema, { piece: i }) as AnyBatch;
    }
    if (failAfter === pieces.length) throw new Error('the source fails');
  },
});

/** A source of these pieces, one batch each. `onPiece` is called before each of them. */
export function listSource(
  pieces: readonly (readonly object[])[],
  schema?: Schema,
  onPiece: (index: number) => void = () => undefined,
): SourceStage {
  return stageOf(listKind.create({}, { pieces, schema, onPiece, failAfter: -1 })) as SourceStage;
}

/** The same, that fails after `failAfter` pieces. */
export function failingSource(pieces: readonly (readonly object[])[], failAfter: number, schema?: Schema): SourceStage {
  return stageOf(listKind.create({}, { pieces, schema, onPiece: () => undefined, failAfter })) as SourceStage;
}

export interface CollectorOptions {
  /** A turn of the event loop for each write. */
  readonly delay?: boolean;
  /** Fails on the write after so many. */
  readonly failAfter?: number;
}

export interface Collector {
  readonly stage: SinkStage;
  readonly face: Sink<unknown>;
  readonly rows: unknown[];
}

const collectorKind = defineSink<typeof noOptions, CollectorOptions & { rows: unknown[] }>({
  kind: 'collector',
  options: noOptions,
  needsSchema: false,
  open: (_options, { settle }, { rows, delay = false, failAfter = Infinity }) => {
    let writes = 0;
    return Promise.resolve({
      write: async batch => {
        if (writes++ >= failAfter) throw new Error('the sink fails');
        if (delay) await new Promise(resolve => setImmediate(resolve));
        rows.push(...batch.rows);
        settle(batch);
      },
      flush: () => Promise.resolve(),
      commit: () => Promise.resolve(null),
      close: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    });
  },
});

/** A sink that keeps what it gets. */
export function collector(options: CollectorOptions): Collector {
  const rows: unknown[] = [];
  const face = collectorKind.create<unknown>({}, { ...options, rows });
  return { face, rows, stage: stageOf(face) as SinkStage };
}
