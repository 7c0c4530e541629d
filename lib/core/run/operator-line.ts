import type { Duplex } from 'node:stream';
import type { Position } from '../batch/batch.ts';
import type { DeadLetter } from '../contracts.ts';
import type { AnyBatch } from '../define.ts';
import type { Barriers } from '../delivery/barriers.ts';
import { letterOf } from '../delivery/rejects.ts';
import type { FlowAccount } from './account.ts';
import type { StageCounter } from './counter.ts';
import { compileGroup } from './group.ts';
import { GroupStream } from './group-stream.ts';
import { groupsOf, type Schemas } from './layout.ts';
import { RunningOperator, type StateAccount } from './operator-context.ts';
import { OperatorStream } from './operator-stream.ts';
import { needsOf } from './pushdown.ts';
import { type OpenOperator, RowCalls, type SinkCalls } from './row-run.ts';
import type { OperatorStage } from './stage.ts';
import type { SpillFile } from '../spill.ts';

/** What operators are given of their run, or of the face that they stand behind. */
export interface LineHooks {
  readonly signal: AbortSignal;
  readonly batchRows: number;
  readonly batchBytes: number;
  readonly batchDelayMs: number;
  readonly state: StateAccount;
  readonly openSpill: (() => Promise<SpillFile>) | undefined;
  readonly account: FlowAccount;
  /** Of all or none of the operators. */
  readonly schemas: Schemas | undefined;
  /** One an operator. */
  readonly counters: readonly StageCounter[];
  /** Takes a refused record; throws where the run ends with it. `part`: of the run that commits in parts, the one that the record belongs to. */
  take(letter: DeadLetter, stage: OperatorStage, part?: number): void;
  rejectsWritten(): Promise<void> | undefined;
  /** An operator needs no more. The operators before it are stopped already; what is before them should stop too. */
  stop(): void;
  warn(kind: string, message: string): void;
  /** Where operators note what they keep; undefined: nowhere. */
  readonly barriers?: Barriers | undefined;
}

/** The operators of a line, open: one stream for each group of those that run in one loop. */
export interface OperatorLine {
  readonly streams: readonly Duplex[];
  readonly operators: readonly RunningOperator[];
  /** The last row operators and the sink's function, where it was given: no stream does their work. */
  readonly calls: RowCalls | undefined;
}

export function openOperators(stages: readonly OperatorStage[], hooks: LineHooks, sink?: SinkCalls): OperatorLine {
  const streams: Duplex[] = [];
  const operators: RunningOperator[] = [];
  let last: OpenOperator[] = [];
  for (const group of groupsOf(stages)) {
    const before = streams.slice();
    const place: PlaceInRun = { part: 0 };
    const open = group.map((stage): OpenOperator => {
      const at = operators.length;
      const context = contextOf(at, stages, { before, place }, hooks);
      operators.push(context);
      return { stage, context, output: outputOf(at, hooks.schemas) };
    });
    if (sink !== undefined && operators.length === stages.length) last = endingIn(open);
    if (open.length > 0) streams.push(streamOf(open, { firstOperator: operators.length - group.length, place }, hooks));
  }
  const calls = sink && new RowCalls(last, (letter, stage) => hooks.take(letter, stage), sink);
  return { streams, operators, calls };
}

/** Takes the row operators at its end from a group. */
function endingIn(group: OpenOperator[]): OpenOperator[] {
  return group.splice(group.findLastIndex(({ stage }) => stage.definition.row === undefined) + 1);
}

function outputOf(at: number, schemas: Schemas | undefined): OpenOperator['output'] {
  if (schemas === undefined) return undefined;
  return at + 1 < schemas.inputs.length ? schemas.inputs[at + 1] : schemas.output;
}

/** How far a group of operators is: ahead of the sink, so that what they refuse may belong to a later part. */
interface PlaceInRun {
  part: number;
  /** Of the batches of a stream operator, which may look at several at once. */
  parts?: WeakMap<AnyBatch, number>;
}

interface Standing {
  readonly before: readonly Duplex[];
  readonly place: PlaceInRun;
}

function contextOf(at: number, stages: readonly OperatorStage[], { before, place }: Standing, hooks: LineHooks): RunningOperator {
  const stage = stages[at] as OperatorStage;
  const counter = hooks.counters[at] as StageCounter;
  const { signal, batchRows, batchBytes, batchDelayMs, state, openSpill, schemas } = hooks;
  return new RunningOperator(counter, schemas?.inputs[at], {
    signal,
    batchRows,
    batchBytes,
    batchDelayMs,
    state,
    openSpill,
    needs: needsOf(stages.slice(at + 1)),
    refuse: (batch, index, code, reason) =>
      hooks.take(letterOf(counter.kind, batch, index, code, reason), stage, place.parts?.get(batch) ?? place.part),
    stop: () => {
      stopAll(before);
      hooks.stop();
    },
    warn: message => hooks.warn(counter.kind, message),
  });
}

/** Ends the stream operators among these: nobody needs more of what they give. */
export function stopAll(streams: readonly Duplex[]): void {
  for (const stream of streams) if (stream instanceof OperatorStream) stream.stop();
}

interface InLine {
  readonly firstOperator: number;
  readonly place: PlaceInRun;
}

function streamOf(group: readonly OpenOperator[], { firstOperator, place }: InLine, hooks: LineHooks): Duplex {
  const { account, barriers } = hooks;
  const rejectsWritten = (): Promise<void> | undefined => hooks.rejectsWritten();
  const passed = notes(group, { firstOperator, place }, barriers);
  const [first] = group;
  if (first?.stage.definition.stream !== undefined) {
    const { context, stage } = first;
    const { definition, options, given } = stage;
    const change = first.stage.definition.stream(options, context, given);
    return new OperatorStream({
      change,
      context,
      forwardsPositions: definition.positions === 'forwarded',
      account,
      rejectsWritten,
      passed,
      ...(barriers === undefined ? {} : { came: parting(place, barriers) }),
    });
  }
  return new GroupStream({
    change: compileGroup(group, (letter, stage) => hooks.take(letter, stage, place.part)),
    counters: group.map(({ context }) => context.counter),
    name: group.map(({ stage }) => stage.kind).join('+'),
    rejectsWritten,
    passed,
  });
}

/** Notes at barriers what the operators of a group keep, and have counted, when they have given on all up to there. */
function notes(
  group: readonly OpenOperator[],
  { firstOperator, place }: InLine,
  barriers: Barriers | undefined,
): (position: Position | undefined) => void {
  return position => {
    const barrier = barriers?.at(position);
    if (barrier === undefined) return;
    for (const [i, { context }] of group.entries()) {
      barrier.counts.set(context.counter, context.counter.report());
      const { savedState } = context;
      if (savedState === undefined) continue;
      const state = savedState.save();
      if (state !== undefined) barrier.noted.set(firstOperator + i, state);
      else if (barriers?.giveUp(position as Position) === true) context.warn(TOO_MUCH);
    }
    place.part = barrier.number;
  };
}

/** Which part of the run each batch belongs to that a stream operator gets: it may refuse rows of later ones before it has given on all up to a barrier. */
function parting(place: PlaceInRun, barriers: Barriers): (batch: AnyBatch) => void {
  const parts = new WeakMap<AnyBatch, number>();
  place.parts = parts;
  let part = 0;
  return batch => {
    parts.set(batch, part);
    if (barriers.isAt(batch.position)) part = barriers.numberAt(batch.position);
  };
}

const TOO_MUCH = 'it keeps more than a checkpoint takes: from here on the run commits nothing before its end';
