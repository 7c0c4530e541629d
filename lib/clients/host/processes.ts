/** Processes of this host, told apart so that one which is no more is known to be: whoever held something as that process holds it no longer. */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** What process numbers are of: this host, and within it this container. */
export function world(): string {
  let space = '';
  try {
    space = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Elsewhere than on Linux a host has one.
  }
  return createHash('sha256').update(`${hostname()} ${space}`).digest('hex').slice(0, 8);
}

/** True where there is no such process any more; `started`, as `startOf` gave it, tells it from another one of the same number. */
export function isDead(pid: number, started = ''): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const now = startOf(pid);
  return started !== '' && now !== '' && started !== now;
}

/** When a process was started, in the system's own count; empty where that is not told. */
export function startOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in parentheses, may have blanks.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[START_FIELD] ?? '';
  } catch {
    return '';
  }
}

/** `starttime`, the 22nd, counted behind the first two. Source: proc_pid_stat(5). */
const START_FIELD = 19;
