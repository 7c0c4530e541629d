/** What a benchmark is made of: jobs, each done by several contenders in turn. */

/** Where the data lie, for a contender in its own process. Plain JSON. */
export interface Place {
  /** Database with the table `items` (and `wide`, `big`, where a job asks for them). */
  readonly source: string;
  /** Database with empty tables `items`, `wide` and `keyed`. */
  readonly target: string;
  /** The database that is copied as a whole, where a job asks for it. */
  readonly database: string;
  /** Where it is copied to: made anew by each contender. */
  readonly copied: string;
  /** A folder for files; `items.csv` is in it. */
  readonly folder: string;
  /** Rows of `items`. */
  readonly rows: number;
  /** Rows of `wide`, a megabyte each. */
  readonly wideRows: number;
  /** Folder of psql, where there is one. */
  readonly psql: string | undefined;
  /** A Python with ADBC and pyarrow. */
  readonly python: string | undefined;
}

export interface Contender {
  readonly name: string;
  /** True for Millrace. */
  readonly isOurs?: boolean;
  /** A program that it runs; left out, and said so, where that is not there. Its memory is not measured. */
  readonly needs?: 'psql' | 'python';
  /** Where it fills a table of its own, which it makes itself. */
  readonly fills?: string;
  /** Where it moves other rows than the job asks for, as a measure of what a server takes: so many are expected. */
  expected?(place: Place): number;
  /** Before the clock starts, in the contender's own process. */
  prepare?(place: Place): unknown;
  /** Timed. Gives the records that it moved or saw; seconds, where the clock is to start later than the call. */
  run(place: Place, prepared: unknown): Promise<Outcome>;
}

export interface Outcome {
  readonly rows: number;
  readonly seconds?: number;
}

/** `ours / theirs` (seconds) at most so much, or `theirs / ours` at least so much, or seconds, or megabytes. */
export type Bar =
  | { readonly against: string; readonly atMost: number }
  | { readonly against: string; readonly timesAsFast: number }
  | { readonly seconds: number }
  | { readonly megabytes: number };

export type Need = 'csv' | 'wide' | 'big' | 'database';

export interface Job {
  readonly name: string;
  readonly title: string;
  readonly bars: readonly Bar[];
  readonly contenders: readonly Contender[];
  /** Rows expected, of so many in the source: counted at the target, or what the contender saw. */
  expected(place: Place): number;
  /** The table of the target database that it fills: emptied (`keyed`: half filled) before each run, counted after it. */
  readonly fills?: 'items' | 'picked' | 'wide' | 'keyed';
  /** Runs of each contender; the number on the command line where it is left out. */
  readonly rounds?: number;
  /** Tables and files that it needs beside `items`. */
  readonly needs?: readonly Need[];
  /** Also run where `items` has ten times the rows: is its memory flat? */
  readonly isAlsoTenfold?: boolean;
}

/** What one run of one contender took. */
export interface Measure {
  readonly contender: string;
  readonly seconds: number;
  readonly rows: number;
  /** Highest resident memory of its process, without the server's; undefined where another program did the work. */
  readonly peakMegabytes?: number;
}
