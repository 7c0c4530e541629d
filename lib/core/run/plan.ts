import type { Plan, PlanStage } from '../contracts.ts';
import { groupsOf, type Line, looksAt, passthroughOf, schemasOf } from './layout.ts';
import { pushDown, type PushedLine, requestsOf } from './pushdown.ts';
import type { OperatorStage, Stage } from './stage.ts';
import { abortController } from './waiting.ts';

/** A plan of a line: from the descriptions alone, but for a source that can do stages in the operators' place, which is asked for its columns. */
export async function makePlan(line: Line): Promise<Plan> {
  const { source, operators } = line;
  if (source.definition.absorb === undefined || requestsOf(operators).length === 0) return planOf(line);
  const schema = await source.definition.describe?.(source.options, { signal: abortController().signal }, source.given);
  schemasOf(operators, schema);
  return planOf(line, pushDown(line, schema));
}

/** From the descriptions alone, where nothing else is given. */
export function planOf({ source, operators, sink }: Line, pushed: PushedLine = pushDown({ source, operators, sink }, undefined)): Plan {
  const { line, count, hasPart, statement } = pushed;
  const groups = groupsOf(line.operators);
  const stages: PlanStage[] = [
    {
      kind: source.kind,
      description: titleOf(source),
      looksAt: 'bytes',
      fusedGroup: 0,
      ...(statement === undefined ? {} : { statement }),
    },
    ...operators.slice(0, count).map((stage): PlanStage => ({
      kind: stage.kind,
      description: titleOf(stage),
      looksAt: 'bytes',
      fusedGroup: 0,
      pushed: true,
    })),
    ...groups.flatMap((group, i) => group.map(stage => operatorPlan(stage, i + 1, hasPart && stage === line.operators[0]))),
    {
      kind: sink.kind,
      description: titleOf(sink),
      looksAt: passesBytes(line) ? 'bytes' : 'columns',
      fusedGroup: groups.length + 1,
    },
  ];
  return { stages, explain: () => stages.map(explain).join('\n') };
}

function operatorPlan(stage: OperatorStage, fusedGroup: number, isPart: boolean): PlanStage {
  const reads = looksAt(stage);
  const shared = { kind: stage.kind, description: titleOf(stage), fusedGroup, ...(isPart ? ({ pushed: 'part' } as const) : {}) };
  if (reads === 'all') return { ...shared, looksAt: 'rows' };
  return { ...shared, looksAt: reads.length === 0 ? 'bytes' : 'columns', columns: reads };
}

/** Whether the bytes that the source gives are some that the sink takes. */
function passesBytes(line: Line): boolean {
  const { definition, options } = line.source;
  const { gives = [] } = definition;
  const given = typeof gives === 'function' ? gives(options) : gives;
  return passthroughOf(line).some(codec => given.includes(codec));
}

function explain({ kind, description, looksAt: looks, columns, fusedGroup, pushed, statement }: PlanStage): string {
  const what = description === '' ? kind : `${kind} ${description}`;
  if (pushed === true) return `${fusedGroup}. ${what} (done by the source)`;
  const seen =
    looks === 'rows'
      ? 'makes an object of every record'
      : looks === 'bytes'
        ? 'passes bytes on'
        : columns === undefined
          ? 'decodes columns'
          : `decodes ${columns.join(', ')}`;
  const also = pushed === 'part' ? '; the source does a part of it before' : '';
  return `${fusedGroup}. ${what} (${seen}${also})${statement === undefined ? '' : `\n   ${statement}`}`;
}

function titleOf({ definition, options }: Stage): string {
  return definition.title?.(options) ?? '';
}
