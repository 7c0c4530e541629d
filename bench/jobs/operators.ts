import highland from 'highland';
import { filter, from, map, pipeline, tap, to } from 'millrace';
import type { Contender, Job } from '../job.ts';

interface Person {
  id: number;
  name: string;
  age: number;
  score: number;
}

interface Labelled extends Person {
  label: string;
}

// The five functions of all contenders.
const isAdult = (row: Person): boolean => row.age >= 18;
const scaled = (row: Person): Person => ({ id: row.id, name: row.name, age: row.age, score: row.score * 1.5 });
const isGood = (row: Person): boolean => row.score > 10;
const labelled = (row: Person): Labelled => ({
  id: row.id,
  name: row.name,
  age: row.age,
  score: row.score,
  label: `${row.name}/${row.age}`,
});
let seen = 0;
const look = (row: Person): void => void (seen += row.id & 1);

const person = (id: number): Person => ({ id, name: `name ${id % 1000}`, age: id % 90, score: (id * 7919) % 1000 });
const people = (rows: number): Person[] => Array.from({ length: rows }, (_, id) => person(id));

/** One after the other, none kept. */
function* crowd(rows: number): Generator<Person> {
  for (let id = 0; id < rows; id++) yield person(id);
}

/** What comes out is looked at, and held until the next comes: nobody's compiler may leave out making it. */
class Outcomes {
  rows = 0;
  letters = 0;
  last: Labelled | undefined;
  readonly use = (row: Labelled): void => {
    this.rows++;
    this.letters += row.label.length;
    this.last = row;
  };
}

export function expected(rows: number): number {
  let count = 0;
  for (const row of crowd(rows)) if (isAdult(row) && isGood(scaled(row))) count++;
  return count;
}

/** The five operators over any records. */
export async function throughFive(records: Iterable<Person>): Promise<number> {
  const outcomes = new Outcomes();
  await pipeline(
    from.records(records),
    filter(isAdult),
    map(scaled),
    filter(isGood),
    map(labelled),
    tap<Labelled>(look),
    to.function(outcomes.use),
  );
  return outcomes.rows;
}

export const memoryOperators = (rows: number): Promise<number> => throughFive(crowd(rows));

const contenders: readonly Contender[] = [
  {
    name: 'Millrace',
    isOurs: true,
    prepare: ({ rows }) => people(rows),
    run: async (_place, given) => ({ rows: await throughFive(given as Person[]) }),
  },
  {
    name: 'plain loop',
    prepare: ({ rows }) => people(rows),
    run: (_place, given) => {
      const outcomes = new Outcomes();
      const { use } = outcomes;
      for (const row of given as Person[]) {
        if (!isAdult(row)) continue;
        const next = scaled(row);
        if (!isGood(next)) continue;
        const last = labelled(next);
        look(last);
        use(last);
      }
      return Promise.resolve({ rows: outcomes.rows });
    },
  },
  {
    name: 'highland',
    prepare: ({ rows }) => people(rows),
    run: (_place, given) =>
      new Promise(resolve => {
        const outcomes = new Outcomes();
        highland(given as Person[])
          .filter(isAdult)
          .map(scaled)
          .filter(isGood)
          .map(labelled)
          .tap(look)
          .each(outcomes.use)
          .done(() => resolve({ rows: outcomes.rows }));
      }),
  },
];

const TIMES = 3;

/** Neither the start of a process alone, in which everybody's code is still slow, nor only what comes once the compiler has done its best. */
export const operators: Job = {
  name: 'operators',
  title: `Objects in memory through five row operators (filter, map, filter, map, tap), ${TIMES} times in one process, all of them counted`,
  bars: [
    { against: 'highland', timesAsFast: 3 },
    { against: 'plain loop', atMost: 1.5 },
  ],
  expected: ({ rows }) => TIMES * expected(rows),
  contenders: contenders.map(contender => ({
    ...contender,
    run: async (place, given) => {
      let rows = 0;
      for (let i = 0; i < TIMES; i++) rows += (await contender.run(place, given)).rows;
      return { rows };
    },
  })),
};

export const operatorsFresh: Job = {
  name: 'operators-fresh',
  title: 'The same five operators once, in a process that has just started',
  bars: [],
  expected: ({ rows }) => expected(rows),
  contenders,
};

export const operatorsWarm: Job = {
  name: 'operators-warm',
  title: 'The same five operators once, in a process that did it three times before',
  bars: [],
  expected: ({ rows }) => expected(rows),
  contenders: contenders.map(contender => ({
    ...contender,
    prepare: async place => {
      const given = people(place.rows);
      for (let i = 0; i < 3; i++) await contender.run(place, given);
      return given;
    },
  })),
};
