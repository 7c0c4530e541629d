import { createRequire } from 'node:module';
import path from 'node:path';

const folder = path.join(path.dirname(createRequire(import.meta.url).resolve('vega-datasets')), '../data');

/** A file of the npm package vega-datasets. */
export function dataFile(name: string): string {
  return path.join(folder, name);
}

export interface Flight {
  delay: number;
  distance: number;
  time: number;
}

export interface Airport {
  iata: string;
  name: string;
  city: string;
  state: string;
  country: string;
  latitude: string;
  longitude: string;
}

export interface Strike {
  'Airport Name': string;
  'Flight Date': string;
  'Wildlife Species': string;
  'Cost Total $': string;
}

/** As it is in the file: titles that are numbers, dates like `Jun 12 1998`, some of them a century off. */
export interface DirtyMovie {
  Title: string | number | null;
  'Release Date': string;
  'Major Genre': string | null;
  'Worldwide Gross': number | null;
  'IMDB Rating': number | null;
}
