import { printSize } from '../../values/sizes.ts';
import { textWidth, visible } from '../../values/text-width.ts';
import { printMs } from '../../values/durations.ts';
import type { ColumnPlan, PartPlan, Plan, PlannedRetry, PlanProblem, PlanStage } from '../plan.ts';
import { countOf } from '../../values/counts.ts';

/** Statements are broken between words where they are longer. */
const LINE_WIDTH = 100;

/** A plan as text: the stages as a table, then what source and target do, then what the run promises and what it would fail with. */
export function explainPlan(plan: Omit<Plan, 'explain'>): string {
  const { stages, deadLetter, problems } = plan;
  const [source, sink] = [stages[0], stages.at(-1)];
  const sections = [
    table(stages.map(({ kind, description, fusedGroup, ...stage }) => [`${fusedGroup}.`, kind, description, doneWhere(stage)])),
    detail('Source', source),
    detail('Target', sink),
    deadLetter === undefined ? [] : [`Dead letters: ${titleOf(deadLetter)}`, ...(deadLetter.notes ?? []).map(indented)],
    footer(plan),
    problemLines(problems),
  ];
  return sections
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n');
}

/** What a run would fail with, a line each. */
export function problemLines(problems: readonly PlanProblem[]): string[] {
  if (problems.length === 0) return [];
  return ['It would fail:', ...problems.map(({ code, message }) => `  ${message} [${code}]`)];
}

function doneWhere({ looksAt, columns, pushed }: Pick<PlanStage, 'looksAt' | 'columns' | 'pushed'>): string {
  if (pushed === true) return 'done by the source';
  const also = pushed === 'part' ? '; the source does a part of it before' : '';
  if (looksAt === 'rows') return `makes an object of every record${also}`;
  if (looksAt === 'bytes') return `passes bytes on${also}`;
  return `decodes ${columns === undefined ? 'columns' : columns.join(', ')}${also}`;
}

function detail(what: string, stage: PlanStage | undefined): string[] {
  if (stage === undefined) return [];
  const size = sizeOf(stage);
  const lines = [...(size === '' ? [] : [indented(size)]), ...told(stage), ...(stage.parts ?? []).flatMap(partLines)];
  return lines.length === 0 ? [] : [`${what}: ${titleOf(stage)}`, ...lines];
}

function told({ notes = [], statements = [], types = [] }: Partial<PlanStage>): string[] {
  return [...[...notes, ...statements.flatMap(wrapped)].map(indented), ...columnTable(types)];
}

function partLines({ kind, name, ...part }: PartPlan): string[] {
  return [`${kind} ${name}`, ...told(part)].map(indented);
}

function sizeOf({ estimatedRows, estimatedBytes }: PlanStage): string {
  const rows = estimatedRows === undefined ? [] : [countOf(estimatedRows, 'record')];
  const bytes = estimatedBytes === undefined ? [] : [printSize(estimatedBytes)];
  const size = [...rows, ...bytes];
  return size.length === 0 ? '' : `about ${size.join(', ')}`;
}

const CHANGES: Readonly<Record<ColumnPlan['change'], string>> = {
  none: '',
  widened: 'has room for every value',
  checked: 'each value is checked; one that does not fit is refused',
  text: 'as text',
  lossy: 'may lose something; counted',
  refused: 'refused',
  'left out': 'made by the target itself',
};

function columnTable(types: readonly ColumnPlan[]): string[] {
  const rows = types
    .filter(({ change, inferred }) => change !== 'none' || inferred === true)
    .map(({ name, from, to = '–', change, loss, inferred }) => {
      const what = loss === undefined ? CHANGES[change] : `may lose something: ${loss}; counted`;
      return [name, inferred === true ? `${from} (found)` : from, '→', to, what];
    });
  return table(rows).map(indented);
}

function footer({ stages, guarantee, memory, retry }: Omit<Plan, 'explain'>): string[] {
  const lines = [`Run: ${guarantee}; at most ${printSize(memory.records)} for records on their way`];
  if (guarantee === 'exactly-once')
    lines.push('It commits in between; with resume (--resume) a run that stopped goes on behind its last commit.');
  if (stages[0]?.hasPositions === false) lines.push('The source has no positions: a run that fails can only begin again.');
  lines.push(retryLine(retry));
  return lines;
}

function retryLine({ forMs, from, reason }: PlannedRetry): string {
  if (from === 'never') return `Lost on the way, it fails: ${reason ?? ''}.`;
  return `Lost on the way, it is tried again for ${printMs(forMs)}, ${from === 'beginning' ? 'from its beginning' : 'from its last commit on'}.`;
}

function titleOf({ kind, description }: PlanStage): string {
  return description === '' ? kind : `${kind} ${description}`;
}

/** Columns of cells, two blanks between them. */
function table(rows: readonly (readonly string[])[]): string[] {
  const shown = rows.map(row => row.map(visible));
  const widths = (shown[0] ?? []).map((_, i) => Math.max(...shown.map(row => textWidth(row[i] ?? ''))));
  const padded = (cell: string, i: number): string => cell + ' '.repeat((widths[i] ?? 0) - textWidth(cell));
  return shown.map(row => row.map(padded).join('  ').trimEnd());
}

function indented(line: string): string {
  return `  ${line}`;
}

/** Lines of a statement; long ones are broken, never inside of quotes. */
function wrapped(statement: string): string[] {
  return statement.split('\n').flatMap(line => {
    if (line.length <= LINE_WIDTH) return [line];
    const indent = `${/^ */.exec(line)?.[0] ?? ''}  `;
    const lines: string[] = [];
    let current = '';
    for (const word of line.match(/(?:"[^"]*"|'[^']*'|[^\s"']|["'])+|^\s+/g) ?? []) {
      if (current.trim() !== '' && current.length + word.length + 1 > LINE_WIDTH) {
        lines.push(current);
        current = indent + word;
      } else current = current === '' || current.trim() === '' ? current + word : `${current} ${word}`;
    }
    return [...lines, current];
  });
}
