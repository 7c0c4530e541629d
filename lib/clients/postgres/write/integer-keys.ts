import type { TargetTable } from '../catalogue/target-table.ts';
import type { CopyPiece } from './copy-plan.ts';

/** The keys of some rows: all lie between two numbers, inclusive. */
export interface KeyRange {
  readonly least: number;
  readonly most: number;
  /** None comes twice. */
  readonly isDistinct: boolean;
}

const SIZES: Readonly<Record<string, number>> = { int2: 2, int4: 4, int8: 8 };

/**
 * Reads the keys of rows off their COPY data, part by part, where the key is one integer column. Of parts that are over it keeps the stretches in
 * which their keys lie (a table is seldom read quite in the order of its key: some rows stand where there was room), so that it can tell whether
 * keys go on where others ended, or come again and again.
 */
export class IntegerKeys {
  readonly #place: number;
  readonly #size: number;
  readonly #width: number;
  #keys = new Float64Array(FIRST_KEYS);
  #count = 0;
  #isReadable = true;
  /** Ascending, none touching another. */
  #stretches: Stretch[] = [];
  #range: KeyRange | undefined;

  private constructor(place: number, size: number, width: number) {
    this.#place = place;
    this.#size = size;
    this.#width = width;
  }

  /** Undefined for any other key. `names` are the columns of the COPY. */
  static of(key: readonly string[], names: readonly string[], target: TargetTable): IntegerKeys | undefined {
    const [name] = key;
    const size = SIZES[target.columns.find(column => column.name === name)?.type.kind ?? ''];
    return key.length > 1 || size === undefined ? undefined : new IntegerKeys(names.indexOf(name as string), size, names.length);
  }

  add({ format, chunks, rows }: CopyPiece): void {
    if (!this.#isReadable || rows === 0) return;
    this.#isReadable = format === 'binary';
    this.#reserve(rows);
    let left = 0;
    for (const chunk of this.#isReadable ? chunks : []) {
      const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      for (let at = 0; at < chunk.length;) {
        if (left === 0) {
          left = view.getInt32(at + 1) - 4;
          at += 5;
          continue;
        }
        const end = this.#readRow(view, at);
        left -= end - at;
        at = end;
      }
    }
  }

  /** Ends a part: true where its keys go on (all but a few) beside those of the parts before. False for ever once a key cannot be read. */
  goesOn(): boolean {
    if (!this.#isReadable) return false;
    const count = this.#count;
    if (count === 0) return true;
    const keys = this.#keys.subarray(0, count).sort();
    const before = within(keys, this.#stretches);
    const [least, most] = [keys[0] as number, keys[count - 1] as number];
    const range = this.#range;
    this.#range = {
      least: Math.min(least, range?.least ?? least),
      most: Math.max(most, range?.most ?? most),
      isDistinct: isAscending(keys) && (range === undefined || (range.isDistinct && before === 0)),
    };
    this.#stretches = joined([...this.#stretches, ...stretchesOf(keys)], gapOf(keys));
    this.#count = 0;
    this.#isReadable = this.#stretches.length <= MAX_STRETCHES;
    return before <= count * MAX_SHARE;
  }

  /** Of the parts that ended since this was last asked; undefined where there is none, or a key of theirs could not be read. */
  takeRange(): KeyRange | undefined {
    const range = this.#isReadable && this.#count === 0 ? this.#range : undefined;
    this.#range = undefined;
    return range;
  }

  #reserve(rows: number): void {
    if (this.#count + rows <= this.#keys.length) return;
    const keys = new Float64Array(Math.max(this.#count + rows, this.#keys.length * 2));
    keys.set(this.#keys.subarray(0, this.#count));
    this.#keys = keys;
  }

  /** Gives where the row ends. */
  #readRow(view: DataView, start: number): number {
    let at = start + 2;
    for (let place = 0; place < this.#width; place++) {
      const length = view.getInt32(at);
      at += 4;
      if (place === this.#place) this.#readKey(view, at, length);
      if (length > 0) at += length;
    }
    return at;
  }

  #readKey(view: DataView, at: number, length: number): void {
    if (length !== this.#size) {
      this.#isReadable = false;
      return;
    }
    let key = length === 2 ? view.getInt16(at) : view.getInt32(at);
    if (length === 8) {
      if (key >= EXACT_HIGH || key < -EXACT_HIGH) this.#isReadable = false;
      key = key * 2 ** 32 + view.getUint32(at + 4);
    }
    this.#keys[this.#count++] = key;
  }
}

interface Stretch {
  readonly least: number;
  readonly most: number;
}

const FIRST_KEYS = 1024;
/** Upper halves of numbers that a double carries exactly. */
const EXACT_HIGH = 2 ** 21;
/** So much of a part may lie among the keys of those before. */
const MAX_SHARE = 0.01;
const MAX_STRETCHES = 1000;
/** A stretch ends where so many keys, at the distance that they have in the middle of the part, are missing. */
const MISSING_KEYS = 100;

/** Ascending numbers, without others more than a gap away. */
function stretchesOf(keys: Float64Array): Stretch[] {
  const gap = gapOf(keys);
  const stretches: Stretch[] = [];
  let first = 0;
  for (let i = 1; i <= keys.length; i++) {
    if (i < keys.length && (keys[i] as number) - (keys[i - 1] as number) <= gap) continue;
    stretches.push({ least: keys[first] as number, most: keys[i - 1] as number });
    first = i;
  }
  return stretches;
}

function gapOf(keys: Float64Array): number {
  const [from, to] = [keys.length >> 2, (keys.length * 3) >> 2];
  return (MISSING_KEYS * ((keys[to] as number) - (keys[from] as number))) / Math.max(1, to - from);
}

/** Those that are no more than a gap apart made one. */
function joined(stretches: Stretch[], gap: number): Stretch[] {
  const all: Stretch[] = [];
  for (const { least, most } of stretches.sort((a, b) => a.least - b.least)) {
    const last = all.at(-1);
    if (last === undefined || least - last.most > gap) all.push({ least, most });
    else all[all.length - 1] = { least: last.least, most: Math.max(last.most, most) };
  }
  return all;
}

/** How many of ascending numbers lie in ascending stretches. */
function within(keys: Float64Array, stretches: readonly Stretch[]): number {
  let count = 0;
  let at = 0;
  for (const key of keys) {
    while (at < stretches.length && (stretches[at] as Stretch).most < key) at++;
    if (at < stretches.length && (stretches[at] as Stretch).least <= key) count++;
  }
  return count;
}

function isAscending(keys: Float64Array): boolean {
  for (let i = 1; i < keys.length; i++) if (keys[i] === keys[i - 1]) return false;
  return true;
}
