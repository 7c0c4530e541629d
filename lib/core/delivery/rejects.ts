import { ERROR_CODES, type ErrorCode, MillraceError } from '../../errors.ts';
import { JsonNumber } from '../../values/json.ts';
import type { DataType } from '../../schema/types.ts';
import { Schema } from '../../schema/schema.ts';
import type { DeadLetter } from '../contracts.ts';
import type { AnyBatch } from '../define.ts';
import type { RejectGroup } from '../run/report.ts';
import { countOf } from '../../values/counts.ts';

/** Thrown where a record was refused and nobody takes rejects. `code` is that of the reject, or RECORD_REJECTED where it is an operator's own. */
export class RecordRejected extends MillraceError {
  override readonly name = 'RecordRejected';
  /** With the record: it is in no message. */
  readonly letter: DeadLetter;

  constructor(letter: DeadLetter) {
    const code: ErrorCode = Object.hasOwn(ERROR_CODES, letter.code) ? (letter.code as ErrorCode) : 'RECORD_REJECTED';
    const place = letter.position === undefined ? '' : ` (${placeOf(letter.position)})`;
    super(code, `${letter.stage} refused a record${place}: ${code === letter.code ? '' : `${letter.code}: `}${letter.reason}`, {
      stage: letter.stage,
    });
    this.letter = letter;
  }
}

/** The columns of dead letters, for sinks that need to know them. */
export const DEAD_LETTER_SCHEMA = new Schema([
  { name: 'stage', type: { kind: 'text' }, nullable: false },
  { name: 'code', type: { kind: 'text' }, nullable: false },
  { name: 'reason', type: { kind: 'text' }, nullable: false },
  { name: 'record', type: { kind: 'jsonb' }, nullable: true },
  { name: 'position', type: { kind: 'jsonb' }, nullable: true },
]);

const MAX_GROUPS = 100;

/**
 * Takes every rejected record of a run: counts it, groups it by cause, and hands it to the dead letters. Without a place for them, or with
 * one too many, `take` throws: then the run stops with that error.
 */
export class Rejects {
  readonly #hasPlace: boolean;
  readonly #maxCount: number;
  readonly #groups = new Map<string, RejectGroup & { count: number }>();
  #waiting: DeadLetter[] = [];
  /** Of parts that are not under way yet. */
  #later: { readonly letter: DeadLetter; readonly part: number }[] = [];
  #part = 0;
  count = 0;

  constructor(hasPlace: boolean, maxRejected: number | string | undefined) {
    this.#hasPlace = hasPlace;
    this.#maxCount = typeof maxRejected === 'number' ? maxRejected : Infinity;
  }

  /** The part of the run that is under way. Letters of records behind it belong to what is not committed with it. */
  set part(part: number) {
    this.#part = part;
    const later = this.#later;
    this.#later = [];
    for (const each of later) this.#keep(each.letter, each.part);
  }

  take(letter: DeadLetter, part = this.#part): void {
    this.count++;
    const { stage, code, reason } = letter;
    const key = this.#keyOf(letter);
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, { stage, code, reason, count: 1 });
    else group.count++;
    if (!this.#hasPlace) throw new RecordRejected(letter);
    this.#keep(letter, part);
    if (this.count > this.#maxCount)
      throw new MillraceError(
        'TOO_MANY_REJECTED',
        `${countOf(this.count, 'record')} ${this.count === 1 ? 'was' : 'were'} rejected, more than the ${this.#maxCount} allowed; the last by ${stage}: ${reason}`,
        { stage },
      );
  }

  #keep(letter: DeadLetter, part: number): void {
    if (part <= this.#part) this.#waiting.push(letter);
    else this.#later.push({ letter, part });
  }

  /** By cause, as far as there is room for more of them. */
  #keyOf({ stage, code, reason }: DeadLetter): string {
    const key = `${stage}\n${code}\n${reason}`;
    return this.#groups.has(key) || this.#groups.size < MAX_GROUPS ? key : `${stage}\n${code}`;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** What was taken since the last call. */
  waiting(): DeadLetter[] {
    const letters = this.#waiting;
    this.#waiting = [];
    return letters;
  }

  /** Most frequent first. */
  groups(): RejectGroup[] {
    return [...this.#groups.values()].sort((a, b) => b.count - a.count);
  }

  /** The same without letters of parts that are not under way yet. */
  groupsOfPart(): RejectGroup[] {
    const later = new Map<string, number>();
    for (const { letter } of this.#later) later.set(this.#keyOf(letter), (later.get(this.#keyOf(letter)) ?? 0) + 1);
    return [...this.#groups]
      .map(([key, group]) => ({ ...group, count: group.count - (later.get(key) ?? 0) }))
      .filter(({ count }) => count > 0);
  }
}

/** The dead letter of one row of a batch, values as in the value table's JSON. */
export function letterOf(stage: string, batch: AnyBatch, index: number, code: string, reason: string): DeadLetter {
  const record = batch.schemaKnown
    ? Object.fromEntries(batch.schema.fields.map(({ name, type }) => [name, jsonValue(valueOf(batch, index, name), type)]))
    : (batch.rows[index] ?? {});
  const position = batch.locate(index);
  return position === undefined ? { stage, code, reason, record } : { stage, code, reason, record, position };
}

/** Of a value that no record can have: its text, where the source has it. That may be why the row was refused. */
function valueOf(batch: AnyBatch, index: number, name: string): unknown {
  if (batch.hasRows) return batch.rows[index]?.[name];
  const column = batch.column(name);
  try {
    return column.get(index);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    return column.text?.(index) ?? null;
  }
}

/** numeric is digits in a record and a number in JSON. */
function jsonValue(value: unknown, type: DataType): unknown {
  if (type.kind === 'array' && type.element !== undefined && Array.isArray(value)) {
    const element = type.element;
    return value.map(item => jsonValue(item, Array.isArray(item) ? type : element));
  }
  return type.kind === 'numeric' && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? new JsonNumber(value) : value;
}

function placeOf(position: object): string {
  return Object.entries(position)
    .map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}
