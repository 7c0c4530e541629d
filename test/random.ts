/**
 * Random tests: how many runs, and from which seed. `npm run fuzz` makes many times as many runs (MILLRACE_FUZZ, 20 by default); MILLRACE_SEED
 * repeats those of a seed that was printed.
 */
import fc from 'fast-check';

const factor = Number(process.env['MILLRACE_FUZZ'] ?? 1);
const DEFAULT_RUNS = 100;

/** So many runs in the gate, more of them where somebody has the time. */
export function runs(count: number): number {
  return Math.ceil(count * factor);
}

/** Called once, before the first test. */
export function seedRandomTests(): void {
  const given = process.env['MILLRACE_SEED'];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  fc.configureGlobal({ seed, numRuns: runs(DEFAULT_RUNS) });
  console.log(`  random tests: seed ${seed}${factor === 1 ? '' : `, ${factor} times as many runs`} (MILLRACE_SEED=${seed} repeats them)`);
}
