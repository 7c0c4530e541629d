import assert from 'node:assert/strict';
import { stageOf } from '../core/run/face.ts';
import type { Stage } from '../core/run/stage.ts';

/** One thing that must be so. `run` rejects with an AssertionError that says what is not. */
export interface Case {
  /** As a sentence: `gives nothing for nothing`. */
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** What a suite may ask about resources: a description of what is open now (connections, files), compared before and after. */
export type LeftOpen = () => unknown;

/** Fails when `work` takes longer than a stage may take to let go. */
export async function within<T>(what: string, work: Promise<T>, ms = 10_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: `${what} did not end within ${ms} ms` })), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a case and sees to it that nothing stays open behind it. */
export function closing(leftOpen: LeftOpen | undefined, run: () => Promise<void>): () => Promise<void> {
  return async () => {
    const before = await leftOpen?.();
    await run();
    if (leftOpen === undefined) return;
    const deadline = performance.now() + 5000;
    for (;;) {
      const after = await leftOpen();
      if (isEqual(after, before)) return;
      if (performance.now() > deadline) assert.deepEqual(after, before, 'something was left open');
      await new Promise(resolve => setImmediate(resolve));
    }
  };
}

export function isEqual(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
}

export function stageIn<R extends Stage['role']>(face: unknown, role: R): Stage & { role: R } {
  const stage = stageOf(face);
  assert.ok(stage !== undefined && stage.role === role, `the subject is a ${role}`);
  return stage as Stage & { role: R };
}

/** Rows cut into pieces of these sizes, over and over; the last piece is what is left. */
export function cut<T>(rows: readonly T[], sizes: readonly number[]): T[][] {
  const pieces: T[][] = [];
  for (let at = 0, i = 0; at < rows.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1);
    pieces.push(rows.slice(at, at + size));
    at += size;
  }
  return pieces;
}

/** Ways to cut, from single records to one piece. */
export const CHUNKINGS: readonly (readonly number[])[] = [[1], [2, 1, 3], [7], [64, 1], [1_000_000]];

/** Own enumerable values, so that a Timestamp equals a Timestamp and a Buffer a Buffer. */
export function plain(rows: Iterable<unknown>): unknown[] {
  return [...rows].map(row => ({ ...(row as object) }));
}
