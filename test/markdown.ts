/** Fenced blocks of the documents, and what they say that is printed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './source-tree.ts';

export interface Block {
  /** `ts`, `console`, …; empty where none is named. */
  readonly language: string;
  readonly text: string;
  /** Of the fence, from 1. */
  readonly line: number;
}

/** A command of a console block and what stands below it. */
export interface Command {
  readonly text: string;
  readonly expected: readonly string[];
  readonly line: number;
}

export function readDocument(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export function blocksOf(path: string): Block[] {
  const blocks: Block[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [i, line] of readDocument(path).split('\n').entries()) {
    const fence = /^\s*```(\w*)\s*$/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === undefined) open = { language: fence[1] as string, line: i + 1, lines: [] };
    else {
      blocks.push({ language: open.language, line: open.line, text: open.lines.join('\n') });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`${path}:${open.line}: a block that does not end`);
  return blocks;
}

/** `$ ` begins a command, `> ` goes on with it; all other lines are what it prints. */
export function commandsOf({ text, line }: Block): Command[] {
  const commands: { text: string; expected: string[]; line: number }[] = [];
  for (const [i, printed] of text.split('\n').entries()) {
    const last = commands.at(-1);
    if (printed.startsWith('$ ')) commands.push({ text: printed.slice(2), expected: [], line: line + 1 + i });
    else if (last === undefined) throw new Error(`line ${line + 1 + i}: before a command nothing is printed`);
    else if (printed.startsWith('> ') && last.expected.length === 0) last.text += `\n${printed.slice(2)}`;
    else last.expected.push(printed);
  }
  return commands;
}

/** What no two runs have in common: times, rates, ports; rates at the end of a table's line too. */
const VARYING: readonly [RegExp, string][] = [
  [/\b\d+\.\d+ s\b/g, '#.# s'],
  [/[\d,]+ read a second/g, '# read a second'],
  [/(127\.0\.0\.1:|PGPORT=|\(node:)\d+/g, '$1#'],
  [/ +/g, ' '],
];

/** A pattern for what a document says is printed. A line `…` stands for any lines, `…` within a line for anything. */
function patternOf(expected: readonly string[]): RegExp {
  const lines = expected.map(line => {
    if (line.trim() === '…') return '(?:.*\\n)*?';
    const escaped = comparable(line)
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('…', '.*');
    return `${escaped}\\n`;
  });
  return new RegExp(`^${lines.join('')}$`);
}

/** Throws, with all that was printed, where it is not what the document shows. */
export function assertShown(printed: string, expected: readonly string[]): void {
  if (!patternOf(expected).test(comparable(printed)))
    throw new Error(`the document shows\n${expected.join('\n')}\nbut this was printed\n${printed}`);
}

/** Printed text as `patternOf` sees it. */
function comparable(text: string): string {
  return VARYING.reduce((changed, [pattern, by]) => changed.replace(pattern, by), text);
}
