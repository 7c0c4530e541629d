import { existsSync } from 'node:fs';
import path from 'node:path';
import { from, pipeline, type Progress, type Report, type RunOptions, to } from 'millrace';
import { sql } from '../services/postgres.ts';

/** Where the records of a step end up: a table or a file. */
export type Target = { readonly url: string; readonly table: string } | { readonly file: string };

/** What a step needs to show how it goes on, and to be stopped. */
export type Run = Pick<RunOptions, 'onProgress' | 'progressEveryMs' | 'signal'>;

interface Row {
  readonly what: string;
  readonly report: Report;
  readonly counted: number;
}

interface Letter {
  readonly reason: string;
  readonly record: { readonly title: string | null; readonly released: string };
}

const isTerminal = process.stdout.isTTY;

/** Runs the steps, shows how they go on, and tells at the end what came of them. */
export class Show {
  readonly #signal: AbortSignal;
  readonly #rows: Row[] = [];

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  title(text: string): void {
    console.log(`\n${text}`);
  }

  async waiting<T>(what: string, promise: Promise<T>): Promise<T> {
    const start = performance.now();
    this.#live(`${what} …`);
    const result = await promise;
    this.#line(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
    return result;
  }

  /** Runs one pipeline and counts its records again where they arrived: what a report says has to be so. */
  async step(source: string, target: Target, start: (run: Run) => Promise<Report>): Promise<void> {
    const what = `${source} → ${'table' in target ? target.table : path.basename(target.file)}`;
    const onProgress = (progress: Progress): void =>
      this.#live(`  ${what}: ${number(progress.read)} records, ${number(progress.recordsPerSecond)}/s`);
    const report = await start({ signal: this.#signal, onProgress, progressEveryMs: 100 });
    const counted = 'table' in target ? await countTable(target.url, target.table) : await countFile(target.file);
    this.#line(`  ${what}: ${number(report.written)} records in ${report.seconds.toFixed(2)} s${notes(report)}`);
    if (counted !== report.written) throw new Error(`${what}: the report says ${report.written} records, the target has ${counted}`);
    this.#rows.push({ what, report, counted });
  }

  /** All steps as a table. */
  summary(): void {
    const cells = this.#rows.map(({ what, report, counted }) => [
      what,
      number(report.read),
      number(report.dropped),
      number(report.rejected),
      number(report.written),
      number(counted),
      number(report.read / report.seconds),
    ]);
    this.title('Summary: every record read is either left out on purpose, refused with a reason, or at the target, counted there again');
    console.log(table(['step', 'read', 'left out', 'refused', 'written', 'counted', 'records/s'], cells));
  }

  #live(text: string): void {
    if (isTerminal) process.stdout.write(`\r\u001b[2K${text}`);
  }

  #line(text: string): void {
    console.log(`${isTerminal ? '\r\u001b[2K' : ''}${text}`);
  }
}

/** The refused records by their reasons, with one of each. */
export async function showLetters(file: string): Promise<void> {
  if (!existsSync(file)) return;
  const letters: Letter[] = [];
  await pipeline(from.file<Letter>(file), to.memory(letters));
  console.log(`\nRefused, and kept in ${path.basename(file)}:`);
  for (const reason of new Set(letters.map(letter => letter.reason))) {
    const alike = letters.filter(letter => letter.reason === reason);
    console.log(`  ${alike.length} × ${reason} (such as: ${alike[0]?.record.title ?? 'no title'}, ${alike[0]?.record.released})`);
  }
  console.log();
}

async function countTable(url: string, name: string): Promise<number> {
  const [row] = await sql<{ count: string }>(url, `SELECT count(*) FROM "${name}"`);
  return Number(row?.count);
}

async function countFile(file: string): Promise<number> {
  return (await pipeline(from.file(file), to.null())).read;
}

function notes({ dropped, rejected, read, seconds }: Report): string {
  const parts = [...(dropped > 0 ? [`${number(dropped)} left out`] : []), ...(rejected > 0 ? [`${number(rejected)} refused`] : [])];
  return ` (${[...parts, `${number(read / seconds)} read a second`].join(', ')})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map(row => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}`;
  return [line(head), line(widths.map(width => '─'.repeat(width))), ...rows.map(line)].join('\n');
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
