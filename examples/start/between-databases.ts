import { coerce, filter, from, map, pipeline, project, rename, to, validate } from 'millrace';
import { z } from 'zod';
import type { DirtyMovie, Flight } from './data.ts';
import type { Show } from './show.ts';

interface Airport {
  iata: string;
  name: string;
  city: string;
  state: string;
  country: string;
  latitude: number;
  longitude: number;
}

interface Strike {
  'Flight Date': string;
  'Airport Name': string;
  'Wildlife Species': string;
  'Cost Total $': number;
}

/** What a movie has to be to get into the report. The data were gathered in 2010: a later date is a century off. */
const Movie = z.object({
  title: z.string().min(1),
  released: z.iso.date().refine(date => date < '2012', 'later than the data'),
  genre: z.string().nullable(),
  gross: z.number().nonnegative().nullable(),
  rating: z.number().min(0).max(10).nullable(),
});

/** From the tables as they came to tables that people can work with. */
export async function betweenDatabases(source: string, target: string, letters: string, show: Show): Promise<void> {
  // A predicate and a function over one field: all other columns are copied as the bytes that they are.
  await show.step('flights, late ones', { url: target, table: 'late_flights' }, run =>
    pipeline(
      from.postgres<Flight>({ url: source, table: 'flights' }),
      filter({ delay: { gt: 15 } }),
      map(['distance'], ({ distance }) => ({ km: Math.round(distance * 1.609344) })),
      to.postgres({ url: target, table: 'late_flights' }),
      run,
    ),
  );

  await show.step('airports, of the USA', { url: target, table: 'airports' }, run =>
    pipeline(
      from.postgres<Airport>({ url: source, table: 'airports' }),
      filter({ country: 'USA', state: { in: ['CA', 'NY', 'TX', 'WA'] } }),
      rename({ iata: 'code' }),
      project('code', 'name', 'city', 'latitude', 'longitude'),
      to.postgres({ url: target, table: 'airports', key: ['code'] }),
      run,
    ),
  );

  // A query is a source too, and a function may look at the whole record.
  await show.step('strikes, costly ones', { url: target, table: 'costly_strikes' }, run =>
    pipeline(
      from.postgres<Strike>({ url: source, query: 'SELECT * FROM strikes WHERE "Cost Total $" > 0 ORDER BY "Flight Date"' }),
      map(strike => ({
        day: strike['Flight Date'],
        species: strike['Wildlife Species'],
        airport: strike['Airport Name'],
        dollars: strike['Cost Total $'],
      })),
      to.postgres({ url: target, table: 'costly_strikes' }),
      run,
    ),
  );

  // Dirty records do not stop the run: they are kept apart, each with the reason.
  await show.step('movies, clean ones', { url: target, table: 'movies' }, run =>
    pipeline(
      from.postgres<DirtyMovie>({ url: source, table: 'movies' }),
      rename({ Title: 'title', 'Release Date': 'released', 'Major Genre': 'genre', 'Worldwide Gross': 'gross', 'IMDB Rating': 'rating' }),
      coerce({ released: 'date' }, { formats: ['MMM DD YYYY'] }),
      validate(Movie, { messages: true }),
      to.postgres({ url: target, table: 'movies' }),
      { ...run, deadLetter: to.file(letters) },
    ),
  );
}
