import type { Job } from '../job.ts';
import { checkpoints } from './checkpoints.ts';
import { csvToPg, csvToPgValidated } from './csv-pg.ts';
import { csvRows } from './csv-rows.ts';
import { incremental } from './incremental.ts';
import { memoryJobs } from './memory.ts';
import { operators, operatorsFresh, operatorsWarm } from './operators.ts';
import { pgDatabase } from './pg-database.ts';
import { pgToCsv, pgToNdjson } from './pg-files.ts';
import { pgToPg, pgToPgColumns, pgToPgFunctions } from './pg-pg.ts';
import { pgUpsert } from './pg-upsert.ts';
import { firstRecord, pgRead } from './pg-read.ts';
import { oneInMillion, oneInThousand } from './rejects.ts';

export const jobs: readonly Job[] = [
  pgToPg,
  pgToPgColumns,
  pgToPgFunctions,
  checkpoints,
  incremental,
  oneInThousand,
  oneInMillion,
  pgUpsert,
  pgDatabase,
  pgRead,
  csvToPg,
  csvToPgValidated,
  csvRows,
  pgToCsv,
  pgToNdjson,
  operators,
  operatorsFresh,
  operatorsWarm,
  firstRecord,
  ...memoryJobs,
];
