import type { Codec, Position } from '../batch/batch.ts';
import type { Schema } from '../../schema/schema.ts';
import type { RunOptions } from '../contracts.ts';
import type { PartWords } from '../parts.ts';
import type { Plan, PlannedRetry, PlanStage, SinkPlan, SinkPlanContext, SourcePlan } from '../plan.ts';
import { cannotBeginAgain } from './begins-again.ts';
import { explainPlan } from './explain-plan.ts';
import { deadLetterStage } from './face.ts';
import { groupsOf, type Line, looksAt, neededColumns, passthroughOf, type Schemas, schemasOf } from './layout.ts';
import { type CheckedRunOptions, checkRunOptions } from './options.ts';
import { PlanProblems } from './plan-problems.ts';
import { checkParts, partWords } from './parts.ts';
import { pushDown, type PushedLine, schemasBehind } from './pushdown.ts';
import { type Sample, sampleOf } from './sample.ts';
import { wantsCheckpoint } from './commits.ts';
import { cutShort } from '../delivery/incomplete.ts';
import { standOfFollowed } from '../delivery/following.ts';
import { lookAlike } from '../delivery/job.ts';
import { guaranteeOf } from '../delivery/guarantee.ts';
import { DEAD_LETTER_SCHEMA } from '../delivery/rejects.ts';
import { inParts } from '../delivery/side-sink.ts';
import type { OperatorStage, SinkStage, SourceStage, Stage } from './stage.ts';
import { abortController } from './waiting.ts';

/**
 * What a run of this line would do, and what it would fail with. Source and target are asked; nothing is written. Rejects only where the plan itself was
 * given up (CANCELLED) or its options are wrong.
 */
export async function makePlan(line: Line, given: RunOptions = {}): Promise<Plan> {
  return new Planning(line, given).make();
}

/** What each stage looks at, from the descriptions alone: nobody is asked. */
export function outline(line: Line): readonly PlanStage[] {
  return stagePlans(line, { line, count: 0, hasPart: false });
}

class Planning {
  readonly #line: Line;
  readonly #given: RunOptions;
  readonly #options: CheckedRunOptions;
  readonly #signal: AbortSignal;
  readonly #problems: PlanProblems;

  constructor(line: Line, given: RunOptions) {
    this.#line = line;
    this.#given = given;
    this.#options = checkRunOptions(given);
    this.#signal = given.signal ?? abortController().signal;
    this.#problems = new PlanProblems(this.#signal);
  }

  async make(): Promise<Plan> {
    const { source, operators, sink } = this.#line;
    const words = partWords(this.#line);
    if (words !== undefined) this.#problems.tried(() => checkParts(this.#line, words, this.#given));
    const described = await this.#describe(source);
    const whole = this.#problems.tried(() => schemasOf(operators, described.schema));
    const pushed = this.#pushDown(whole === undefined ? undefined : described.schema);
    const schemas = schemasBehind(whole ?? schemasOf(operators, undefined), pushed.count);
    const after = described.isAnswered ? await this.#after(pushed.line) : undefined;
    const sourcePlan = described.isAnswered ? await this.#askSource(pushed.line, schemas, after) : undefined;
    const sample = whole === undefined ? undefined : await this.#sample(sourcePlan, schemas);
    const letters = await this.#letters();
    const known = sample ?? { schema: schemas.output, first: undefined };
    const found = { ...known, parts: sourcePlan?.parts, incomplete: cutShort(this.#line) };
    const sinkPlan = await this.#askSink(sink, found, passedCodec(pushed.line));
    const stages = stagePlans(this.#line, pushed, { sourcePlan, sinkPlan });
    return this.#plan(stages, letters, await this.#retry(stages[0]?.hasPositions === true, words));
  }

  async #describe({ definition, options, given, kind }: SourceStage): Promise<{ schema: Schema | undefined; isAnswered: boolean }> {
    const answer = await this.#problems.awaited(async () => [await definition.describe?.(options, { signal: this.#signal }, given)], kind);
    return { schema: answer?.[0], isAnswered: answer !== undefined };
  }

  #pushDown(schema: Schema | undefined): PushedLine {
    return this.#problems.tried(() => pushDown(this.#line, schema)) ?? { line: this.#line, count: 0, hasPart: false };
  }

  /** Where a source that follows would begin. */
  async #after({ source, sink, operators: rest }: Line): Promise<Position | undefined> {
    const following = source.definition.follows?.(source.options);
    if (following === undefined) return undefined;
    const { checkpoint, job, resume } = this.#options;
    const alike = lookAlike(this.#line, job !== undefined || resume);
    const followed = { line: this.#line, following, rest, isUnkept: checkpoint === false, alike };
    const stand = await this.#problems.awaited(
      () => standOfFollowed(followed, { name: job, signal: this.#signal, isPlan: true }),
      sink.kind,
    );
    return stand === undefined || stand.checkpoint === 'void' ? undefined : stand.checkpoint?.source;
  }

  async #askSource({ source, operators }: Line, schemas: Schemas, after: Position | undefined): Promise<SourcePlan | undefined> {
    const columns = neededColumns(operators, schemas, [...schemas.inputs.slice(1), schemas.output]);
    const context = { signal: this.#signal, ...(columns === undefined ? {} : { columns }), ...(after === undefined ? {} : { after }) };
    const plan = await this.#problems.awaited(async () => source.definition.plan?.(source.options, context, source.given), source.kind);
    for (const problem of plan?.problems ?? []) this.#problems.add(problem, source.kind);
    return plan;
  }

  /** Reads the first records where types are found in them, and no function of the user's stands in the way. */
  async #sample(source: SourcePlan | undefined, { output }: Schemas): Promise<Sample | undefined> {
    const { operators, sink } = this.#line;
    const isKnown = output !== undefined && !output.fields.some(({ untyped }) => untyped === true);
    if (isKnown || source?.isRepeatable !== true || sink.definition.plan === undefined) return undefined;
    if (operators.some(({ given }) => given !== undefined)) return undefined;
    const sample = await this.#problems.awaited(() => sampleOf(this.#line, this.#given));
    if (sample?.refused !== undefined && this.#options.deadLetter === undefined) this.#problems.add(sample.refused);
    return sample;
  }

  async #askSink(
    { definition, options, given, kind }: SinkStage,
    found: Pick<SinkPlanContext, 'schema' | 'first' | 'parts' | 'incomplete'>,
    codec?: Codec,
  ): Promise<SinkPlan | undefined> {
    const context = { ...found, codec, signal: this.#signal };
    const plan = await this.#problems.awaited(async () => definition.plan?.(options, context, given), kind);
    for (const problem of plan?.problems ?? []) this.#problems.add(problem, kind);
    return plan;
  }

  async #letters(): Promise<PlanStage | undefined> {
    const { deadLetter } = this.#options;
    if (deadLetter === undefined) return undefined;
    const stage = deadLetterStage(deadLetter);
    const plan = await this.#askSink(stage, { schema: DEAD_LETTER_SCHEMA, first: undefined });
    return { ...stageOf(stage), looksAt: 'rows', fusedGroup: 0, ...toldBy(plan) };
  }

  /** A run that commits in between goes on behind its last commit. */
  #guarantee(hasPositions: boolean): string {
    const { deadLetter, job, resume } = this.#options;
    const { source, sink } = this.#line;
    const letters = deadLetter && inParts(deadLetterStage(deadLetter));
    const isKept = wantsCheckpoint(this.#options) || source.definition.follows?.(source.options) !== undefined;
    const mayCommit = hasPositions && isKept && letters !== 'never';
    const isTold = lookAlike(this.#line, job !== undefined || resume) === undefined;
    const isInParts = mayCommit && isTold && sink.definition.checkpoints?.commitsParts(sink.options) === true;
    return guaranteeOf({ sink: sink.definition.guarantee, isInParts, letters });
  }

  async #retry(hasPositions: boolean, words: PartWords | undefined): Promise<PlannedRetry> {
    const { retryFor: forMs, deadLetter } = this.#options;
    const never = (reason: string): PlannedRetry => ({ forMs, from: 'never', reason });
    if (forMs === 0) return never('it is not wanted (retryFor)');
    if (words !== undefined) return never(`what holds the ${words.parts} together is lost with it`);
    if (this.#guarantee(hasPositions) === 'exactly-once') return { forMs, from: 'last commit' };
    const place = deadLetter === undefined ? undefined : deadLetterStage(deadLetter);
    const touched = { isRead: true, isSinkOpen: true, deadLetter: place, letters: 1 };
    const reason = await this.#problems.awaited(async () => [await cannotBeginAgain(this.#line, touched)], this.#line.source.kind);
    return reason?.[0] === undefined ? { forMs, from: 'beginning' } : never(reason[0]);
  }

  #plan(stages: readonly PlanStage[], deadLetter: PlanStage | undefined, retry: PlannedRetry): Plan {
    const { memory, stateMemory } = this.#options;
    const told = {
      stages,
      ...(deadLetter === undefined ? {} : { deadLetter }),
      problems: this.#problems.all,
      guarantee: this.#guarantee(stages[0]?.hasPositions === true),
      retry,
      memory: { records: memory, state: stateMemory },
    };
    return { ...told, explain: () => explainPlan(told) };
  }
}

interface Told {
  readonly sourcePlan?: SourcePlan | undefined;
  readonly sinkPlan?: SinkPlan | undefined;
}

function stagePlans(
  { source, operators, sink }: Line,
  { line, count, hasPart }: PushedLine,
  { sourcePlan, sinkPlan }: Told = {},
): PlanStage[] {
  const groups = groupsOf(line.operators);
  return [
    { ...stageOf(source), looksAt: 'bytes', fusedGroup: 0, ...toldBySource(sourcePlan) },
    ...operators.slice(0, count).map((stage): PlanStage => ({ ...stageOf(stage), looksAt: 'bytes', fusedGroup: 0, pushed: true })),
    ...groups.flatMap((group, i) => group.map(stage => operatorPlan(stage, i + 1, hasPart && stage === line.operators[0]))),
    {
      ...stageOf(sink),
      looksAt: passedCodec(line) !== undefined ? 'bytes' : 'columns',
      fusedGroup: groups.length + 1,
      ...toldBy(sinkPlan),
    },
  ];
}

function operatorPlan(stage: OperatorStage, fusedGroup: number, isPart: boolean): PlanStage {
  const reads = looksAt(stage);
  const shared = { ...stageOf(stage), fusedGroup, ...(isPart ? ({ pushed: 'part' } as const) : {}) };
  if (reads === 'all') return { ...shared, looksAt: 'rows' };
  return { ...shared, looksAt: reads.length === 0 ? 'bytes' : 'columns', columns: reads };
}

function toldBySource(plan: SourcePlan | undefined): Partial<PlanStage> {
  if (plan === undefined) return {};
  const { statements, estimatedRows, estimatedBytes, notes, hasPositions } = plan;
  return present({ statements, estimatedRows, estimatedBytes, notes, hasPositions });
}

function toldBy(plan: SinkPlan | undefined): Partial<PlanStage> {
  if (plan === undefined) return {};
  const { statements, exists, types, notes, parts } = plan;
  return present({ statements, exists, types, notes, parts });
}

function present(fields: { readonly [Name in keyof PlanStage]?: PlanStage[Name] | undefined }): Partial<PlanStage> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<PlanStage>;
}

/** The encoding in which bytes pass from the source to the sink. */
function passedCodec(line: Line): Codec | undefined {
  const { definition, options } = line.source;
  const { gives = [] } = definition;
  const given = typeof gives === 'function' ? gives(options) : gives;
  return passthroughOf(line).find(codec => given.includes(codec));
}

function stageOf({ kind, definition, options }: Stage): Pick<PlanStage, 'kind' | 'description'> {
  return { kind, description: definition.title?.(options) ?? '' };
}
