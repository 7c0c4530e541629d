// What tells most about an old server, as a part of every run; `npm run test:servers` runs all that a server takes part in, with each version.
import { expect } from 'chai';
import { runOn } from './services/mocha-on.ts';
import { installServer } from './services/older-servers.ts';

const OLDEST = 13;
const SPECS = [
  'test/conformance/postgres-types.test.ts',
  'test/clients/postgres/definition.test.ts',
  'test/sinks/postgres-{definition,replace,swap,upsert}.test.ts',
  'test/sources/postgres-parallel.test.ts',
];

describe(`PostgreSQL ${OLDEST}, the oldest server`, () => {
  it('carries every type, tables with all that hangs on them, each mode, parallel reads', async () => {
    const missing = await installServer(OLDEST).then(
      () => undefined,
      (error: unknown) => String(error),
    );
    if (missing !== undefined) {
      console.warn(`skipped: nothing was tested with PostgreSQL ${OLDEST}, which cannot be fetched: ${missing.slice(0, 300)}`);
      return;
    }
    const { code, passing, output } = await runOn(OLDEST, SPECS);
    expect(code, output).to.equal(0);
    expect(passing).to.be.above(100);
  }).timeout(300_000);
});
