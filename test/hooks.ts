/** Root hooks of the test process: what the test files share is let go at the end. */
import { stopPostgres } from './services/postgres.ts';

export const mochaHooks = {
  async afterAll(): Promise<void> {
    await stopPostgres();
  },
};
