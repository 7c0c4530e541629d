import { openSpill } from '../clients/file/spill.ts';
import { loadSink, loadSource } from '../config/places.ts';
import { runStages } from '../core/run/pipeline.ts';
import type { ExitStatus } from './exit.ts';
import { isClosedPipe } from './exit.ts';
import { operatorsFrom } from './operators.ts';
import type { HeadOptions } from './options.ts';
import { listenForSignals } from './signals.ts';
import { tableLines } from './table.ts';
import { cellsKind, type Shown } from './table-sink.ts';
import { widthOf } from './terminal-width.ts';

/** Where no terminal says how wide it is. */
const DEFAULT_WIDTH = 160;

/** `millrace head FROM`: a few records as an aligned table that fits the terminal, or as NDJSON. */
export async function head(from: string, options: HeadOptions): Promise<ExitStatus> {
  const source = await loadSource(from, { format: options.fromFormat, defaults: { int8: 'bigint' } });
  const stopping = listenForSignals(() => undefined);
  const stages = [source, ...(await operatorsFrom(options))];
  const run = { drain: stopping.drain, signal: stopping.abort };
  try {
    if (options.json) await runStages([...stages, await loadSink('-', { format: 'ndjson' })], run, { openSpill });
    else {
      const shown: Shown = { schema: undefined, rows: [] };
      await runStages([...stages, cellsKind.create({}, shown)], run, { openSpill });
      if (stopping.status() === undefined || shown.rows.length > 0) printTable(shown);
    }
    return stopping.status() ?? 0;
  } catch (error) {
    const status = stopping.status();
    if (status !== undefined) return status;
    if (options.json && isClosedPipe(error)) return 0;
    throw error;
  } finally {
    stopping.release();
  }
}

function printTable({ schema, rows }: Shown): void {
  if (schema === undefined) process.stdout.write('no records\n');
  else {
    const width = widthOf(process.stdout, DEFAULT_WIDTH);
    process.stdout.write(`${tableLines(schema, rows, width).join('\n')}\n`);
  }
}
