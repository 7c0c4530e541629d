import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { from, pipeline, to } from 'millrace';
import { databaseRows, DATABASE_TABLES } from '../data.ts';
import type { Job, Outcome, Place } from '../job.ts';
import { countAll, freshDatabase, shell } from '../peers.ts';

export const pgDatabase: Job = {
  name: 'pg-database',
  title: `A whole database of ${DATABASE_TABLES} tables, with keys, foreign keys and indexes`,
  bars: [{ against: 'pg_dump -Fc -Z0, pg_restore -j2', atMost: 1.2 }],
  needs: ['database'],
  expected: ({ rows }) => databaseRows(rows),
  contenders: [
    {
      name: 'Millrace',
      isOurs: true,
      prepare: ({ copied }) => freshDatabase(copied),
      run: place => timed(place, () => pipeline(from.postgres.tables({ url: place.database }), to.postgres.tables({ url: place.copied }))),
    },
    {
      name: 'pg_dump -Fc -Z0, pg_restore -j2',
      needs: 'psql',
      prepare: ({ copied }) => freshDatabase(copied),
      run: place => timed(place, () => dumpAndRestore(place)),
    },
  ],
};

/** Rows are counted at the target, behind the clock. */
async function timed({ copied }: Place, work: () => Promise<unknown>): Promise<Outcome> {
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  return { rows: await countAll(copied), seconds };
}

async function dumpAndRestore(place: Place): Promise<void> {
  const file = join(place.folder, 'database.dump');
  await shell(place, `"$BIN/pg_dump" -Fc -Z0 -d '${place.database}' -f '${file}' && "$BIN/pg_restore" -j2 -d '${place.copied}' '${file}'`);
  rmSync(file);
}
