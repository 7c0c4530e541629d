/**
 * `npm run test:servers`: the tests of PostgreSQL with servers of other major versions, all of `OLDER_VERSIONS` or those that are named.
 * `npm run test:servers -- 13 16`. With `--fetch` it only fetches them.
 */
import { parseArgs } from 'node:util';
import { runOn } from './services/mocha-on.ts';
import { installServer, OLDER_VERSIONS } from './services/older-servers.ts';

/** All that a server takes part in. */
const SPECS = ['test/{clients/postgres,migration}/*.test.ts', 'test/{conformance,sinks,sources}/postgres*.test.ts', 'test/cli/*.test.ts'];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { fetch: { type: 'boolean', default: false } } });
const versions = positionals.length === 0 ? OLDER_VERSIONS : positionals.map(Number);
const failed: number[] = [];
for (const version of versions) {
  await installServer(version);
  if (values.fetch) continue;
  console.log(`== PostgreSQL ${version}`);
  if ((await runOn(version, SPECS, { shown: true })).code !== 0) failed.push(version);
}
if (!values.fetch)
  console.log(failed.length === 0 ? `passed with PostgreSQL ${versions.join(', ')}` : `failed with PostgreSQL ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
