import { MillraceError } from '../../errors.ts';
import { type Field, Schema } from '../../schema/schema.ts';
import type { Codec } from '../batch/batch.ts';
import type { OperatorStage, SinkStage, SourceStage, Stage } from './stage.ts';

/** A pipeline in its parts. */
export interface Line {
  readonly source: SourceStage;
  readonly operators: readonly OperatorStage[];
  readonly sink: SinkStage;
}

/** Stages in their order: a source, operators, a sink. */
export function lineOf(stages: readonly Stage[]): Line {
  const [source, ...rest] = stages;
  const sink = rest.pop();
  if (source?.role !== 'source')
    throw new MillraceError(
      'PIPELINE_INVALID',
      `a pipeline begins with a source, not with ${nameOf(source)}; wrap a foreign stream or iterable by from.records(…)`,
    );
  if (sink?.role !== 'sink')
    throw new MillraceError(
      'PIPELINE_INVALID',
      `a pipeline ends in a sink, not in ${nameOf(sink)}; wrap a foreign stream by to.stream(…), a function by to.function(…)`,
    );
  const operators = rest.map(stage => {
    if (stage.role !== 'operator')
      throw new MillraceError('PIPELINE_INVALID', `between source and sink stand operators, not ${nameOf(stage)}`);
    return stage;
  });
  return { source, operators, sink };
}

function nameOf(stage: Stage | undefined): string {
  return stage === undefined ? 'nothing' : `the ${stage.role} ${stage.kind}`;
}

/** Adjacent operators of kinds row and batch are one group; each stream operator is a group of its own. */
export function groupsOf(operators: readonly OperatorStage[]): OperatorStage[][] {
  const groups: OperatorStage[][] = [];
  let isOpen = false;
  for (const operator of operators) {
    const isStream = operator.definition.stream !== undefined;
    if (isOpen && !isStream) groups.at(-1)?.push(operator);
    else groups.push([operator]);
    isOpen = !isStream;
  }
  return groups;
}

/**
 * Schemas along the line: `inputs[i]` is what operator i gets; `output` what the sink gets; `hint` the last that is known, with the types that
 * operators behind it set.
 */
export interface Schemas {
  readonly inputs: readonly (Schema | undefined)[];
  readonly output: Schema | undefined;
  readonly hint: Schema | undefined;
}

export function schemasOf(operators: readonly OperatorStage[], first: Schema | undefined): Schemas {
  const inputs: (Schema | undefined)[] = [];
  let schema = first;
  let hint = first;
  for (const { definition, options, given } of operators) {
    inputs.push(schema);
    schema = schema === undefined ? undefined : definition.schema?.(schema, options, given);
    hint = schema ?? withFields(hint, definition.sets?.(options, given) ?? []);
  }
  return { inputs, output: schema, hint };
}

function withFields(schema: Schema | undefined, fields: readonly Field[]): Schema | undefined {
  return fields.reduce<Schema | undefined>((made, field) => (made ?? new Schema([])).with(field), schema);
}

/** What an operator looks at. */
export function looksAt({ definition, options, given }: OperatorStage): readonly string[] | 'all' {
  return definition.reads?.(options, given) ?? 'all';
}

/** The columns of the source that anybody looks at; undefined: all of them. Followed as far as columns keep their names. */
export function neededColumns(
  operators: readonly OperatorStage[],
  { inputs }: Schemas,
  outputs: readonly (Schema | undefined)[],
): string[] | undefined {
  const first = inputs[0];
  if (first === undefined) return undefined;
  const needed = new Set<string>();
  let live = new Set(first.names);
  for (const [i, operator] of operators.entries()) {
    const reads = looksAt(operator);
    if (reads === 'all') break;
    for (const name of reads) if (first.has(name)) needed.add(name);
    const output = outputs[i];
    if (output === undefined || !output.names.every(name => live.has(name))) break;
    live = new Set(output.names);
  }
  const columns = first.names.filter(name => live.has(name) || needed.has(name));
  return columns.length === first.names.length || columns.length === 0 ? undefined : columns;
}

/** The encodings in which batches may stay as they are from source to sink; none where a function looks at whole rows. */
export function passthroughOf({ operators, sink }: Line): readonly Codec[] {
  if (operators.some(operator => looksAt(operator) === 'all')) return [];
  const { takes = [] } = sink.definition;
  return typeof takes === 'function' ? takes(sink.options) : takes;
}

/** Whether no stage holds on to anything of a batch past its outcome. Functions over records get objects, which have nothing of its memory. */
export function keepsNothing({ operators, sink }: Line): boolean {
  const letsGo = ({ definition: { row, keepsNothing: isSaid } }: OperatorStage): boolean => row !== undefined || isSaid === true;
  return sink.definition.keepsNothing === true && operators.every(letsGo);
}
