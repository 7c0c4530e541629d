import { expect } from 'chai';
import fc from 'fast-check';
import { runTasks, type Task } from '../../../lib/core/run/tasks.ts';

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

describe('tasks beside each other', () => {
  it('are all done once, in an order that keeps what they ask for, never more at a time than allowed', async () => {
    const names = fc.uniqueArray(fc.integer({ min: 0, max: 20 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(names, fc.integer({ min: 1, max: 4 }), fc.func(fc.nat(3)), async (ids, parallel, dice) => {
        const log: string[] = [];
        const running = new Set<number>();
        const lockOf = (id: number): string => `lock ${dice('lock', id)}`;
        const afterOf = (id: number): number[] => ids.filter(other => other < id && dice('after', id, other) === 0);
        const task = (id: number): Task => ({
          name: String(id),
          after: afterOf(id).map(String),
          locks: [lockOf(id)],
          run: async () => {
            expect(afterOf(id).every(other => log.includes(`${other} done`))).to.equal(true);
            expect([...running].map(lockOf)).to.not.include(lockOf(id));
            running.add(id);
            expect(running.size).to.be.at.most(parallel);
            for (let i = dice('turns', id); i >= 0; i--) await turn();
            running.delete(id);
            log.push(`${id} done`);
            return dice('more', id) === 0 ? [{ run: async () => (log.push(`${id} more`), []) }] : [];
          },
        });
        await runTasks(ids.map(task), parallel);
        const more = ids.filter(id => dice('more', id) === 0).map(id => `${id} more`);
        expect([...log].sort()).to.deep.equal([...ids.map(id => `${id} done`), ...more].sort());
      }),
    );
  });

  it('what a task gives is done before what waits', async () => {
    const log: string[] = [];
    const says = (text: string, more: readonly Task[] = []): Task => ({ run: async () => (log.push(text), more) });
    await runTasks([says('a', [says('a1'), says('a2')]), says('b')], 1);
    expect(log).to.deep.equal(['a', 'a1', 'a2', 'b']);
  });

  it('a task that fails lets those that run end, and begins no other', async () => {
    const log: string[] = [];
    const fails: Task = { run: () => Promise.reject(new Error('broken')) };
    const slow: Task = { run: async () => (await turn(), await turn(), log.push('slow'), []) };
    const never: Task = { run: async () => (log.push('never'), []) };
    const error = await runTasks([slow, fails, never], 2).catch((thrown: unknown) => thrown);
    expect([(error as Error).message, log]).to.deep.equal(['broken', ['slow']]);
  });

  it('tasks that wait for each other are an error, not a run that never ends', async () => {
    const one = (name: string, other: string): Task => ({ name, after: [other], run: async () => [] });
    const error = await runTasks([one('a', 'b'), one('b', 'a')], 2).catch((thrown: unknown) => thrown);
    expect((error as { code: string }).code).to.equal('INTERNAL');
  });
});
