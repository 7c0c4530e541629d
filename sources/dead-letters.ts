import { z } from 'zod';
import { type Position, RecordBatch } from '../lib/core/batch/batch.ts';
import type { DeadLetter, Source } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSource, type SourceContext } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { stageOf } from '../lib/core/run/face.ts';
import type { SourceStage } from '../lib/core/run/stage.ts';
import { MillraceError } from '../lib/errors.ts';
import type { Schema } from '../lib/schema/schema.ts';
import { parseJson } from '../lib/values/json.ts';

const options = z.strictObject({
  only: z.array(z.string().min(1)).min(1).readonly().optional().describe('letters with one of these codes; all by default'),
});

/**
 * The records of dead letters, once more: each as the stage that refused it got it, with the values of JSON (bytes are base64, dates are text), which a
 * table reads by the rules of its columns. `letters` is any source of them: `from.file('rejects.ndjson')`, a table, an array. It is only read.
 * Of a record that is refused again the position is that of its letter, with that in the first source as `original`.
 * Memory and positions: those of `letters`. `only`: letters of other codes are passed over, and not counted as read.
 * Errors: DATA_MALFORMED, with the place, for what is no dead letter; those of `letters`.
 */
export function deadLetters<Row = AnyRow>(letters: Source<DeadLetter>, more: z.input<typeof options> = {}): Source<Row> {
  checkArgument('deadLetters', 'more', more, 'object');
  const stage = stageOf(letters);
  if (stage?.role !== 'source')
    throw new MillraceError('OPTION_INVALID', "deadLetters: give a source of dead letters, such as from.file('rejects.ndjson')");
  return deadLettersKind.create<Row>(more, stage);
}

export const deadLettersKind = defineSource<typeof options, SourceStage>({
  kind: 'deadLetters',
  options,
  async describe(_options, context, letters) {
    checkColumns(await letters.definition.describe?.(letters.options, context, letters.given), letters);
    return undefined;
  },
  async plan({ only }, context, letters) {
    const plan = await letters.definition.plan?.(letters.options, { signal: context.signal }, letters.given);
    const { notes = [], ...rest } = plan ?? { hasPositions: false, isRepeatable: false };
    const chosen = only === undefined ? [] : [`only those with code ${only.join(', ')}`];
    return { ...rest, notes: [`letters from ${titleOf(letters)}`, ...chosen, ...notes] };
  },
  read,
  title: ({ only }) => (only === undefined ? '' : `only ${only.join(', ')}`),
  place: ({ only }, { kind, definition, options, given }) => {
    const place = definition.place?.(options, given) ?? definition.title?.(options) ?? kind;
    return [place, ...(only ?? [])].join(' ');
  },
  input: async (_options, context, { definition, options, given }) => (await definition.input?.(options, context, given)) ?? null,
});

async function* read({ only }: z.output<typeof options>, context: SourceContext, letters: SourceStage): AsyncGenerator<AnyBatch> {
  const isWanted = only === undefined ? () => true : (code: string) => only.includes(code);
  // What is looked at, and what may pass as bytes, are the records' affair and not that of the letters around them.
  const { columns: _columns, passthrough: _passthrough, looksAt: _looksAt, ...own } = context;
  const around = { ...own, counted: ({ bytes }: { bytes?: number }) => context.counted(bytes === undefined ? {} : { bytes }) };
  for await (const batch of letters.definition.read(letters.options, around, letters.given)) {
    const records: AnyRow[] = [];
    const places: Position[] = [];
    for (let row = 0; row < batch.length; row++) {
      const { code, record, position } = letterAt(batch, row, letters);
      if (!isWanted(code)) continue;
      records.push(record);
      places.push(position);
    }
    const { position } = batch;
    // Objects have nothing of its memory.
    batch.giveBack();
    if (records.length === 0) continue;
    context.counted({ rows: records.length });
    yield RecordBatch.of(records, undefined, position, undefined, row => places[row]);
  }
}

interface Letter {
  readonly code: string;
  readonly record: AnyRow;
  /** Of the letter, and of its record where that came from. */
  readonly position: Position;
}

function letterAt(batch: AnyBatch, row: number, letters: SourceStage): Letter {
  const field = (name: string): unknown => (batch.schemaKnown && !batch.schema.has(name) ? null : batch.column(name).get(row));
  const place = batch.locate(row);
  const [code, record] = [field('code'), objectOf(field('record'))];
  const lacking = typeof code !== 'string' ? 'no code' : record === undefined ? 'no record' : undefined;
  if (typeof code !== 'string' || record === undefined)
    throw new MillraceError(
      'DATA_MALFORMED',
      `${placeText(place, letters)}: no dead letter: it has ${lacking}; a letter has stage, code, reason and record`,
    );
  const came = objectOf(field('position')) as Position | undefined;
  // A record that was replayed before names where it came from at first.
  const original = came?.['original'] ?? came;
  return { code, record, position: { ...place, ...(original === undefined ? {} : { original }) } };
}

/** An object, or the JSON text of one: where letters are in CSV. */
function objectOf(value: unknown): AnyRow | undefined {
  const parsed = typeof value === 'string' ? parsedText(value) : value;
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as AnyRow) : undefined;
}

function parsedText(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function placeText(place: Position | undefined, letters: SourceStage): string {
  if (place === undefined) return titleOf(letters);
  const { file, line, row } = place;
  if (typeof file === 'string') return typeof line === 'number' ? `${file}:${line}` : file;
  return typeof row === 'number' ? `row ${row} of ${titleOf(letters)}` : titleOf(letters);
}

function titleOf({ kind, definition, options }: SourceStage): string {
  return definition.title?.(options) ?? kind;
}

/** Of a place that says beforehand what it has. */
function checkColumns(schema: Schema | undefined, letters: SourceStage): void {
  const missing = schema === undefined ? [] : ['code', 'record'].filter(name => !schema.has(name));
  if (missing.length === 0) return;
  throw new MillraceError(
    'DATA_MALFORMED',
    `${titleOf(letters)}: no dead letters: it has no ${missing.join(' and no ')}; a letter has stage, code, reason and record`,
  );
}
