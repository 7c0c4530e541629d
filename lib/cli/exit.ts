import { fileError } from '../clients/file/errors.ts';
import { ERROR_CODES, MillraceError } from '../errors.ts';
import { visible } from '../values/text-width.ts';

/** How a command ended: the exit status of the process. */
export type ExitStatus = number;

/** Shows the stack of an unexpected error. */
const STACK_VARIABLE = 'MILLRACE_STACK';
/** What a command that has ended may take to let the process go. */
const GRACE_MS = 2000;

/**
 * Runs the command and ends the process with its exit status; an error is one line on stderr. A command that never settles while nothing
 * is left to wait for is an error too, never a short success.
 */
export function runAndExit(command: () => Promise<ExitStatus>): void {
  let isPending = true;
  const output = watchOutput();
  const end = (status: ExitStatus): void => {
    isPending = false;
    process.exitCode = status;
    // Everything should be released by now, and the process end by itself; what is not (an open standard input) must not hold it, once
    // all that was printed is out. What a write says comes before the error that it is.
    process.stdout.write('', () => setImmediate(leave));
  };
  const leave = (): void => {
    if (output.lost !== undefined && process.exitCode === 0)
      process.exitCode = printError(fileError(output.lost, 'standard output', 'writing it'));
    setTimeout(() => process.exit(), GRACE_MS).unref();
  };
  process.once('beforeExit', () => {
    if (isPending)
      end(printError(new MillraceError('NOT_SETTLED', 'the command ended before it had settled; nothing more was to be waited for')));
  });
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => process.exit(printError(error)));
  }
  command().then(end, (error: unknown) => {
    if (isPending) end(printError(error));
  });
}

/** Prints an error as one line on stderr: `millrace: what and what to do [CODE]`; gives the exit status for it. */
export function printError(thrown: unknown): ExitStatus {
  const code = thrown instanceof MillraceError ? thrown.code : 'INTERNAL';
  const message = oneLine(thrown instanceof Error ? thrown.message : String(thrown));
  const isInternal = ERROR_CODES[code] === ERROR_CODES.INTERNAL && code === 'INTERNAL';
  const hint = isInternal && !process.env[STACK_VARIABLE] ? `; this is a fault of millrace, ${STACK_VARIABLE}=1 shows where` : '';
  process.stderr.write(`millrace: ${isInternal ? 'internal error: ' : ''}${message}${hint} [${code}]\n`);
  if (process.env[STACK_VARIABLE]) process.stderr.write(`${stacksOf(thrown)}\n`);
  // Data was not at fault: the same may go well later.
  return code === 'SERVER_REFUSED' && (thrown as MillraceError).retryable ? ERROR_CODES.CONNECTION_LOST : ERROR_CODES[code];
}

/** True when the reader of a pipe went away (`millrace … | head`): no error of ours. */
export function isClosedPipe(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EPIPE') return true;
  }
  return false;
}

/**
 * Nobody reads what is printed any more: that is not worth a word; the command itself sees the closed pipe when it writes there. What was lost
 * for another reason (a full disk) is an error of the command. Where stderr is lost, nobody can be told.
 */
function watchOutput(): { lost?: Error } {
  const output: { lost?: Error } = {};
  process.stdout.on('error', error => {
    if (!isClosedPipe(error)) output.lost ??= error;
  });
  process.stderr.on('error', () => undefined);
  return output;
}

/** Marks under a text say the column once more: the text alone is kept. A terminal must not obey what a message quotes. */
function oneLine(text: string): string {
  const line = text
    .trim()
    .replace(/\n([^\n]*)\n\s*\^+$/, (_, pointedAt: string) => (pointedAt.trim() === '' ? '' : ` of: ${pointedAt.trim()}`))
    .replace(/\s*\n\s*/g, ' ');
  return visible(line);
}

function stacksOf(thrown: unknown): string {
  const stacks: string[] = [];
  for (let error = thrown; error !== undefined; error = error instanceof Error ? error.cause : undefined) {
    // eslint-disable-next-line @typescript-eslint/no-base-to-string -- whatever was thrown
    stacks.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return stacks.join('\ncaused by ');
}
