import { type AnyBatch, type OperatorContext, type OperatorState, Rejected, type RejectedRow } from '../../lib/core/define.ts';
import type { Schema } from '../../lib/schema/schema.ts';

/** What an operator told its context, for tests that call a definition without an engine. */
export interface FakeContext extends OperatorContext {
  readonly rejects: (RejectedRow & { batch: AnyBatch })[];
  readonly counts: { dropped: number; made: number; charged: number };
  readonly warnings: string[];
  readonly kept: { state?: OperatorState };
  stops: number;
}

export function fakeContext({ schema, batchRows = 4096 }: { schema?: Schema | undefined; batchRows?: number } = {}): FakeContext {
  const rejects: FakeContext['rejects'] = [];
  const counts = { dropped: 0, made: 0, charged: 0 };
  const warnings: string[] = [];
  const kept: FakeContext['kept'] = {};
  const context = {
    signal: new AbortController().signal,
    batchRows,
    batchBytes: 256 * 1024,
    schema,
    rejects,
    counts,
    warnings,
    kept,
    stops: 0,
    reject: (batchOrCode: AnyBatch | string, indexOrReason: number | string, code = '', reason = ''): Rejected | undefined => {
      if (typeof batchOrCode === 'string') return new Rejected(batchOrCode, String(indexOrReason));
      rejects.push({ batch: batchOrCode, index: Number(indexOrReason), code, reason });
      return undefined;
    },
    dropped: (count: number) => void (counts.dropped += count),
    made: (count: number) => void (counts.made += count),
    stop: () => void context.stops++,
    keepState: (state: OperatorState) => void (kept.state = state),
    charge: (bytes: number) => void (counts.charged += bytes),
    warn: (message: string) => void warnings.push(message),
  };
  return context as unknown as FakeContext;
}
