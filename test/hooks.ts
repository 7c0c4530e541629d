/** Root hooks of the test process: what the test files share is let go at the end. */
import { seedRandomTests } from './random.ts';
import { stopPostgres } from './services/postgres.ts';

export const mochaHooks = {
  beforeAll(): void {
    seedRandomTests();
  },
  async afterAll(): Promise<void> {
    await stopPostgres();
  },
};
