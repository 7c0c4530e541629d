/**
 * `pipeline` and `plan`: one signature, no overloads; up to 16 operators, a sink and options.
 * - Inference runs from left to right through the arguments, because each stage is a *call*: its own type parameters are inferred in the
 *   context of what was inferred so far. An arrow function directly in the list would see nothing.
 * - Each type parameter defaults to the one before, so S is what the last stage given gives.
 * - A sink is a step that gives Done; after Done only the options may come; without Done at the end nothing compiles.
 * - NoInfer on what a step takes: the error then stands at the step that does not fit, not at its neighbour before.
 */
import { MillraceError } from '../../errors.ts';
import type { Done, Gives, Operator, Plan, RunOptions, Source, Takes } from '../contracts.ts';
import { composedFace, stagesOf } from './face.ts';
import { lineOf } from './layout.ts';
import type { PlanStage } from '../plan.ts';
import { makePlan, outline } from './plan.ts';
import type { Report } from './report.ts';
import { run } from './run.ts';
import type { Services } from '../spill.ts';
import type { Stage } from './stage.ts';

type Step<In, Out> = Takes<In> & Gives<Out>;
type Last<Before, Options> = Before extends Done ? Options : never;
type Ends<Out> = [Out] extends [Done] ? unknown : 'a pipeline ends in a sink';

export interface Chain<Options, Result> {
  <A, B, C = B, D = C, E = D, F = E, G = F, H = G, I = H, J = I, K = J, L = K, M = L, N = M, O = N, P = O, Q = P, R = Q, S = R>(
    source: Source<A> & Ends<S>,
    s1: Step<NoInfer<A>, B>,
    s2?: Step<NoInfer<B>, C> | Last<B, Options>,
    s3?: Step<NoInfer<C>, D> | Last<C, Options>,
    s4?: Step<NoInfer<D>, E> | Last<D, Options>,
    s5?: Step<NoInfer<E>, F> | Last<E, Options>,
    s6?: Step<NoInfer<F>, G> | Last<F, Options>,
    s7?: Step<NoInfer<G>, H> | Last<G, Options>,
    s8?: Step<NoInfer<H>, I> | Last<H, Options>,
    s9?: Step<NoInfer<I>, J> | Last<I, Options>,
    s10?: Step<NoInfer<J>, K> | Last<J, Options>,
    s11?: Step<NoInfer<K>, L> | Last<K, Options>,
    s12?: Step<NoInfer<L>, M> | Last<L, Options>,
    s13?: Step<NoInfer<M>, N> | Last<M, Options>,
    s14?: Step<NoInfer<N>, O> | Last<N, Options>,
    s15?: Step<NoInfer<O>, P> | Last<O, Options>,
    s16?: Step<NoInfer<P>, Q> | Last<P, Options>,
    s17?: Step<NoInfer<Q>, R> | Last<Q, Options>,
    s18?: Step<NoInfer<R>, S> | Last<R, Options>,
  ): Promise<Result>;
}

/**
 * Moves records from a source through operators into a sink. Resolves with the report when everything is committed and released; rejects
 * with a PipelineError (code, stage, retryable, report) when everything is released and nothing half written is left.
 */
export const pipeline: Chain<RunOptions, Report> = pipelineWith({});

/** The same, with what the engine is given of the world around it: without it nothing is put aside on disk. */
export function pipelineWith(services: Services): Chain<RunOptions, Report> {
  return async (...given: unknown[]) => {
    const { stages, options } = argumentsOf(given);
    return run(stages, options, services);
  };
}

/**
 * What a pipeline would do, and what it would fail with (`problems`). Nothing is written, and no function of yours is called; source and target are
 * asked, and the first records of a file are read where only they say which types there are. Errors: those of the call itself (PIPELINE_INVALID,
 * OPTION_INVALID), CANCELLED by `signal`.
 */
export const plan: Chain<RunOptions, Plan> = async (...given: unknown[]) => {
  const { stages, options } = argumentsOf(given);
  return makePlan(lineOf(stages), options);
};

/** The same without types, for lines that are put together at run time (the command line, configuration files). */
export function runStages(faces: readonly unknown[], options: RunOptions = {}, services: Services = {}): Promise<Report> {
  return run(facesToStages(faces), options, services);
}

/** What a run of such a line would do. */
export function planStages(faces: readonly unknown[], options: RunOptions = {}): Promise<Plan> {
  return makePlan(lineOf(facesToStages(faces)), options);
}

/** What each stage of such a line looks at, told without asking anybody. */
export function outlineOf(faces: readonly unknown[]): readonly PlanStage[] {
  return outline(lineOf(facesToStages(faces)));
}

/** A part of a pipeline as one operator: `compose<User>()(filter(…), map(…))`. Curried, so that the row type is named once. */
export function compose<A>(): <B, C = B, D = C, E = D>(
  o1: Operator<A, B>,
  o2?: Operator<NoInfer<B>, C>,
  o3?: Operator<NoInfer<C>, D>,
  o4?: Operator<NoInfer<D>, E>,
) => Operator<A, E> {
  return (...operators) => composedFace(operators.filter(operator => operator !== undefined));
}

function argumentsOf(given: readonly unknown[]): { stages: Stage[]; options: RunOptions } {
  const present = given.filter(argument => argument !== undefined);
  const last = present.at(-1);
  const hasOptions = stagesOf(last) === undefined && isPlainObject(last);
  return { stages: facesToStages(hasOptions ? present.slice(0, -1) : present), options: hasOptions ? (last as RunOptions) : {} };
}

function facesToStages(faces: readonly unknown[]): Stage[] {
  return faces.flatMap((face, i) => {
    const stages = stagesOf(face);
    if (stages === undefined) {
      throw new MillraceError(
        'PIPELINE_INVALID',
        `argument ${i + 1} of the pipeline is not a stage; wrap iterables and streams by from.records(…), through(…) or to.stream(…)`,
      );
    }
    return stages;
  });
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
