import { MillraceError } from '../../errors.ts';

/** Work that is done beside other work. */
export interface Task {
  readonly name?: string;
  /** Names of those that have to be done before, where they are among the tasks. */
  readonly after?: readonly string[];
  /** What it needs for itself alone. */
  readonly locks?: readonly string[];
  /** Gives what is to be done next, ahead of all that waits. */
  run(): Promise<readonly Task[]>;
}

/**
 * So many tasks at a time, in their order as far as nothing keeps one waiting. When one fails no other is begun, those that run are waited for, and
 * its error is thrown.
 */
export function runTasks(tasks: readonly Task[], parallel: number): Promise<void> {
  return new Crew(tasks, parallel).done;
}

class Crew {
  readonly done: Promise<void>;
  readonly #parallel: number;
  readonly #running = new Set<Task>();
  #waiting: Task[];
  #errors: unknown[] = [];
  #end: { resolve: () => void; reject: (error: unknown) => void } | undefined;

  constructor(tasks: readonly Task[], parallel: number) {
    this.#waiting = [...tasks];
    this.#parallel = parallel;
    this.done = new Promise((resolve, reject) => (this.#end = { resolve, reject }));
    this.#go();
  }

  #go(): void {
    while (this.#errors.length === 0 && this.#running.size < this.#parallel) {
      const next = this.#waiting.find(task => this.#isFree(task));
      if (next === undefined) break;
      this.#waiting = this.#waiting.filter(task => task !== next);
      this.#running.add(next);
      void this.#run(next);
    }
    if (this.#running.size > 0) return;
    if (this.#errors.length > 0) this.#end?.reject(this.#errors[0]);
    else if (this.#waiting.length > 0) this.#end?.reject(new MillraceError('INTERNAL', 'tasks wait for each other'));
    else this.#end?.resolve();
  }

  async #run(task: Task): Promise<void> {
    try {
      const more = await task.run();
      this.#waiting.unshift(...more);
    } catch (error) {
      this.#errors.push(error);
    }
    this.#running.delete(task);
    this.#go();
  }

  #isFree({ name, after = [], locks = [] }: Task): boolean {
    const others = [...this.#running, ...this.#waiting];
    if (others.some(other => other.name !== undefined && other.name !== name && after.includes(other.name))) return false;
    return ![...this.#running].some(running => running.locks?.some(lock => locks.includes(lock)) === true);
  }
}
