import { z } from 'zod';
import { MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import type { RunOptions } from '../contracts.ts';
import type { AnyBatch, SourceContext } from '../define.ts';
import { sinkFace } from './face.ts';
import type { Line } from './layout.ts';
import { run } from './run.ts';
import { type OperatorStage, type SinkStage, sinkStage, type SourceStage } from './stage.ts';

/** What the first records say. */
export interface Sample {
  /** What the sink would be opened with. */
  readonly schema: Schema | undefined;
  /** What it would be given first. */
  readonly first: AnyBatch | undefined;
  /** The first of the records that a stage refused. */
  readonly refused: MillraceError | undefined;
}

/** More records are not read, however few come through. */
const MOST_RECORDS = 50_000;

/** The beginning of a run, into nothing: read until the sink would know its columns. For stages that have no function of the user's. */
export async function sampleOf(line: Line, options: RunOptions): Promise<Sample> {
  const probe: Probe = { schema: undefined, first: undefined, records: 0 };
  const { signal, memory, batchRows, batchBytes, batchDelayMs } = options;
  const given = Object.entries({ signal, memory, batchRows, batchBytes, batchDelayMs }).filter(([, value]) => value !== undefined);
  const report = await run([headOf(line.source, probe), ...line.operators.filter(goesOn), probeOf(line.sink, probe)], {
    ...(Object.fromEntries(given) as RunOptions),
    retryFor: 0,
    deadLetter: sinkFace(sinkStage(nothing, {}, undefined)),
  });
  const [cause] = report.rejects;
  const refused =
    cause && new MillraceError('RECORD_REJECTED', `${cause.stage} refuses one of the first records: ${cause.code}: ${cause.reason}`, cause);
  return { schema: probe.schema, first: probe.first, refused };
}

/** One that sorts holds all records back, and changes none. */
function goesOn({ definition, options }: OperatorStage): boolean {
  const request = definition.request?.(options);
  return request === undefined || !('order' in request);
}

interface Probe {
  schema: Schema | undefined;
  first: AnyBatch | undefined;
  /** Given to the sink. */
  records: number;
}

/** The same source, as far as it is needed. It counts nothing: it ends before its end. */
function headOf(source: SourceStage, probe: Probe): SourceStage {
  const { definition } = source;
  return {
    ...source,
    definition: {
      ...definition,
      read: async function* (options, context, given) {
        let read = 0;
        const uncounted: SourceContext = { ...context, counted: () => undefined };
        for await (const batch of definition.read(options, uncounted, given)) {
          yield batch;
          read += batch.length;
          if (probe.records > 0 || read >= MOST_RECORDS) return;
        }
      },
    },
  };
}

/** Takes what the sink takes, and keeps what it would be opened with. */
function probeOf({ kind, options, given, definition: { takes, needsSchema } }: SinkStage, probe: Probe): SinkStage {
  return {
    role: 'sink',
    kind,
    options,
    given,
    definition: {
      kind,
      options: z.unknown(),
      ...(takes === undefined ? {} : { takes }),
      ...(needsSchema === undefined ? {} : { needsSchema }),
      open: (_options, { schema, settle }) => {
        probe.schema = schema;
        return Promise.resolve({
          ...WRITES_NOTHING,
          write: batch => {
            probe.first ??= batch;
            probe.records += batch.length;
            settle(batch);
            return Promise.resolve();
          },
        });
      },
    },
  };
}

const WRITES_NOTHING = {
  flush: () => Promise.resolve(),
  commit: () => Promise.resolve(null),
  close: () => Promise.resolve(),
  abort: () => Promise.resolve(),
};

const nothing = {
  kind: 'nothing',
  options: z.strictObject({}),
  needsSchema: false,
  open: (_options: object, { settle }: { settle(batch: AnyBatch): void }) =>
    Promise.resolve({ ...WRITES_NOTHING, write: (batch: AnyBatch) => Promise.resolve(settle(batch)) }),
};
