import type { Job } from '../job.ts';
import { csvToPg } from './csv-pg.ts';
import { memoryJobs } from './memory.ts';
import { operators, operatorsFresh, operatorsWarm } from './operators.ts';
import { pgToPg, pgToPgFunctions } from './pg-pg.ts';
import { pgUpsert } from './pg-upsert.ts';
import { firstRecord, pgRead } from './pg-read.ts';

export const jobs: readonly Job[] = [
  pgToPg,
  pgToPgFunctions,
  pgUpsert,
  pgRead,
  csvToPg,
  operators,
  operatorsFresh,
  operatorsWarm,
  firstRecord,
  ...memoryJobs,
];
