// One run of one contender, in a process of its own: `child.js JOB CONTENDER PLACE`. Prints a Measure.
import { readFileSync } from 'node:fs';
import type { Measure, Place } from './job.ts';
import { jobs } from './jobs/index.ts';

const [jobName, contenderName, place] = process.argv.slice(2) as [string, string, string];
const job = jobs.find(({ name }) => name === jobName);
const contender = job?.contenders.find(({ name }) => name === contenderName);
if (contender === undefined) throw new Error(`no contender ${contenderName} of ${jobName}`);

const where = JSON.parse(place) as Place;
const prepared = await contender.prepare?.(where);
const start = performance.now();
const { rows, seconds = (performance.now() - start) / 1000 } = await contender.run(where, prepared);
const measure: Measure = { contender: contenderName, seconds, rows, peakMegabytes: peakMegabytes() };
console.log(JSON.stringify(measure));
// A peer that leaves its source open would never end.
process.exit(0);

/** VmHWM is this program's own; `maxRSS` would start at what the parent had. */
function peakMegabytes(): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}
