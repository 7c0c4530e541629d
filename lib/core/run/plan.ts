import type { Plan, PlanStage } from '../contracts.ts';
import { groupsOf, type Line, looksAt, passthroughOf } from './layout.ts';
import type { Stage } from './stage.ts';

/** A plan of a line, made from the descriptions alone. */
export function planOf(line: Line): Plan {
  const { source, operators, sink } = line;
  const groups = groupsOf(operators);
  const stages: PlanStage[] = [
    { kind: source.kind, description: titleOf(source), looksAt: 'bytes', fusedGroup: 0 },
    ...groups.flatMap((group, i) =>
      group.map((operator): PlanStage => {
        const reads = looksAt(operator);
        const shared = { kind: operator.kind, description: titleOf(operator), fusedGroup: i + 1 };
        return reads === 'all'
          ? { ...shared, looksAt: 'rows' }
          : { ...shared, looksAt: reads.length === 0 ? 'bytes' : 'columns', columns: reads };
      }),
    ),
    {
      kind: sink.kind,
      description: titleOf(sink),
      looksAt: passesBytes(line) ? 'bytes' : 'columns',
      fusedGroup: groups.length + 1,
    },
  ];
  return { stages, explain: () => stages.map(explain).join('\n') };
}

/** Whether the bytes that the source gives are some that the sink takes. */
function passesBytes(line: Line): boolean {
  const { definition, options } = line.source;
  const { gives = [] } = definition;
  const given = typeof gives === 'function' ? gives(options) : gives;
  return passthroughOf(line).some(codec => given.includes(codec));
}

function explain({ kind, description, looksAt: looks, columns, fusedGroup }: PlanStage): string {
  const what = description === '' ? kind : `${kind} ${description}`;
  const seen =
    looks === 'rows'
      ? 'makes an object of every record'
      : looks === 'bytes'
        ? 'passes bytes on'
        : columns === undefined
          ? 'decodes columns'
          : `decodes ${columns.join(', ')}`;
  return `${fusedGroup}. ${what} (${seen})`;
}

function titleOf({ definition, options }: Stage): string {
  return definition.title?.(options) ?? '';
}
