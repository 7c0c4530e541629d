import { statSync } from 'node:fs';
import { join } from 'node:path';
import { from, pipeline, to } from 'millrace';
import type { Item } from '../data.ts';
import type { Job, Place } from '../job.ts';
import { shell } from '../peers.ts';

function ours(place: Place, extension: string): () => Promise<{ rows: number }> {
  return async () => {
    const report = await pipeline(
      from.postgres<Item>({ url: place.source, table: 'items' }),
      to.file<Item>(join(place.folder, `out.${extension}`), { mode: 'replace' }),
    );
    return { rows: report.written };
  };
}

function psql(name: string, statement: string, file: string): Job['contenders'][number] {
  return {
    name,
    needs: 'psql',
    run: async place => {
      const path = join(place.folder, file);
      await shell(place, `$PSQL -d "$SOURCE" -c "\\\\copy ${statement.replace('FILE', `'${path}'`)}"`);
      // A line a record would have to be counted: that a file is there and is none of an earlier run is enough.
      return { rows: statSync(path).size > 0 ? place.rows : 0 };
    },
  };
}

export const pgToCsv: Job = {
  name: 'pg-csv',
  title: 'PostgreSQL to a CSV file',
  bars: [{ against: 'psql \\copy to', atMost: 1.5 }],
  expected: ({ rows }) => rows,
  contenders: [
    { name: 'Millrace', isOurs: true, run: place => ours(place, 'csv')() },
    psql('psql \\copy to', 'items TO FILE (FORMAT csv, HEADER true)', 'psql.csv'),
  ],
};

export const pgToNdjson: Job = {
  name: 'pg-ndjson',
  title: 'PostgreSQL to an NDJSON file',
  bars: [{ against: 'psql \\copy of row_to_json', atMost: 1.5 }],
  expected: ({ rows }) => rows,
  contenders: [
    { name: 'Millrace', isOurs: true, run: place => ours(place, 'ndjson')() },
    psql('psql \\copy of row_to_json', '(SELECT row_to_json(i) FROM items i) TO FILE', 'psql.ndjson'),
  ],
};
