import path from 'node:path';
import { filter, from, pipeline, to } from 'millrace';
import type { Show } from './show.ts';

interface Movie {
  title: string;
  released: string;
  genre: string | null;
  gross: number | null;
  rating: number | null;
}

interface LateFlight {
  delay: number;
  distance: number;
  time: number;
  km: number;
}

/** Format and compression go by the name of the file. */
export async function databaseToFiles(url: string, folder: string, show: Show): Promise<void> {
  const flights = path.join(folder, 'late-flights.csv');
  await show.step('late_flights', { file: flights }, run =>
    pipeline(from.postgres<LateFlight>({ url, table: 'late_flights' }), to.file(flights), run),
  );

  const movies = path.join(folder, 'good-movies.ndjson.gz');
  await show.step('movies, good ones', { file: movies }, run =>
    pipeline(
      from.postgres<Movie>({ url, table: 'movies' }),
      filter(movie => movie.rating !== null && movie.rating >= 8),
      to.file(movies),
      run,
    ),
  );
}
