import highland from 'highland';
import { filter, from, map, pipeline, tap, to } from 'millrace';
import type { Job } from '../job.ts';

interface Person {
  id: number;
  name: string;
  age: number;
  score: number;
}

// The five functions of all contenders.
const isAdult = (row: Person): boolean => row.age >= 18;
const scaled = (row: Person): Person => ({ id: row.id, name: row.name, age: row.age, score: row.score * 1.5 });
const isGood = (row: Person): boolean => row.score > 10;
const labelled = (row: Person): Person & { label: string } => ({
  id: row.id,
  name: row.name,
  age: row.age,
  score: row.score,
  label: `${row.name}/${row.age}`,
});
let seen = 0;
const look = (row: Person): void => void (seen += row.id & 1);

const people = (rows: number): Person[] =>
  Array.from({ length: rows }, (_, id) => ({ id, name: `name ${id % 1000}`, age: id % 90, score: (id * 7919) % 1000 }));

const expected = (rows: number): number => people(rows).filter(isAdult).map(scaled).filter(isGood).length;

export const operators: Job = {
  name: 'operators',
  title: 'Objects in memory through five row operators: filter, map, filter, map, tap',
  bars: [
    { against: 'highland', timesAsFast: 3 },
    { against: 'plain loop', atMost: 1.5 },
  ],
  expected: ({ rows }) => expected(rows),
  contenders: [
    {
      name: 'Millrace',
      isOurs: true,
      prepare: ({ rows }) => people(rows),
      run: async (_place, given) => {
        let rows = 0;
        await pipeline(
          from.records(given as Person[]),
          filter(isAdult),
          map(scaled),
          filter(isGood),
          map(labelled),
          tap(look),
          to.function(() => void rows++),
        );
        return { rows };
      },
    },
    {
      name: 'plain loop',
      prepare: ({ rows }) => people(rows),
      run: (_place, given) => {
        let rows = 0;
        const use = (): void => void rows++;
        for (const row of given as Person[]) {
          if (!isAdult(row)) continue;
          const next = scaled(row);
          if (!isGood(next)) continue;
          look(labelled(next));
          use();
        }
        return Promise.resolve({ rows });
      },
    },
    {
      name: 'highland',
      prepare: ({ rows }) => people(rows),
      run: (_place, given) =>
        new Promise(resolve => {
          let rows = 0;
          highland(given as Person[])
            .filter(isAdult)
            .map(scaled)
            .filter(isGood)
            .map(labelled)
            .tap(look)
            .each(() => void rows++)
            .done(() => resolve({ rows }));
        }),
    },
  ],
};
