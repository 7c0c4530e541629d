import type { FollowingReport, SourceContext } from '../define.ts';
import { type Line, looksAt, neededColumns, passthroughOf, type Schemas } from './layout.ts';

/** What a source says of itself. */
export interface SourceTally {
  rows: number;
  bytes: number;
  /** True once it has counted rows at all. */
  hasRows: boolean;
  expectedRows: number;
  expectedBytes: number;
  /** Of one that follows. */
  following?: FollowingReport;
}

export function emptyCount(): SourceTally {
  return { rows: 0, bytes: 0, hasRows: false, expectedRows: 0, expectedBytes: 0 };
}

/** What a source is told: the columns that anybody looks at, the encodings that may pass, and where to count. */
export function sourceContext(
  line: Line,
  schemas: Schemas,
  { batchRows, batchBytes, batchDelayMs }: { readonly batchRows: number; readonly batchBytes: number; readonly batchDelayMs: number },
  tally: SourceTally,
  warn: (message: string) => void,
): Omit<SourceContext, 'signal'> {
  const { operators } = line;
  const columns = neededColumns(operators, schemas, [...schemas.inputs.slice(1), schemas.output]);
  const passthrough = passthroughOf(line);
  return {
    ...(columns === undefined ? {} : { columns }),
    ...(passthrough.length === 0 ? {} : { passthrough, looksAt: operators.flatMap(operator => looksAt(operator)) }),
    batchRows,
    batchBytes,
    batchDelayMs,
    warn,
    follows: told => void (tally.following = told),
    counted: ({ rows, bytes = 0 }) => {
      tally.hasRows ||= rows !== undefined;
      tally.rows += rows ?? 0;
      tally.bytes += bytes;
    },
    expects: ({ rows = 0, bytes = 0 }) => {
      tally.expectedRows = rows;
      tally.expectedBytes = bytes;
    },
  };
}
