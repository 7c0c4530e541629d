import { coerce, from, pipeline, project, to } from 'millrace';
import { type Airport, dataFile, type DirtyMovie, type Flight, type Strike } from './data.ts';
import type { Show } from './show.ts';

/** Each file becomes a table, made from what is in the file. */
export async function filesToDatabase(url: string, show: Show): Promise<void> {
  await show.step('flights-200k.json', { url, table: 'flights' }, run =>
    pipeline(
      from.file<Flight>(dataFile('flights-200k.json')), //
      to.postgres({ url, table: 'flights' }),
      run,
    ),
  );

  // A CSV file holds text; what is a number has to be said.
  await show.step('airports.csv', { url, table: 'airports' }, run =>
    pipeline(
      from.file<Airport>(dataFile('airports.csv')),
      coerce({ latitude: 'float', longitude: 'float' }),
      to.postgres({ url, table: 'airports', key: ['iata'] }),
      run,
    ),
  );

  await show.step('birdstrikes.csv', { url, table: 'strikes' }, run =>
    pipeline(
      from.file<Strike>(dataFile('birdstrikes.csv')),
      project('Flight Date', 'Airport Name', 'Wildlife Species', 'Cost Total $'),
      coerce({ 'Flight Date': 'date', 'Cost Total $': 'integer' }),
      to.postgres({ url, table: 'strikes' }),
      run,
    ),
  );

  // Some titles are numbers (1408, 2012); a column has one type.
  await show.step('movies.json', { url, table: 'movies' }, run =>
    pipeline(from.file<DirtyMovie>(dataFile('movies.json')), coerce({ Title: 'string' }), to.postgres({ url, table: 'movies' }), run),
  );
}
