import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { MillraceError } from '../errors.ts';
import type { ExitStatus } from './exit.ts';
import { printError } from './exit.ts';
import {
  choiceOption,
  type CopyOptions,
  type HeadOptions,
  type ReplayOptions,
  type SchemaOptions,
  type VerifyOptions,
  countOption,
  durationOption,
  maxRejectedOption,
  overlapOption,
  sizeOption,
} from './options.ts';
import type { StateOptions } from './state.ts';
import { widthOf } from './terminal-width.ts';

/**
 * Reads the command line and runs its command; what a command needs is loaded only for it. Gives the exit status; wrong usage is thrown
 * as USAGE, with the nearest right name.
 */
export async function runProgram(args: readonly string[]): Promise<ExitStatus> {
  let status: ExitStatus = 0;
  const program = makeProgram(ended => (status = ended));
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError && (error.code === 'commander.helpDisplayed' || error.code === 'commander.version')) return 0;
    // Printed already: the help.
    if (error instanceof CommanderError && error.code === 'commander.help') return 64;
    const failure = error instanceof CommanderError ? usageError(error) : error;
    // What head prints as JSON are records.
    if (!args.includes('--json') || args[0] === 'head') throw failure;
    const failed = printError(failure);
    if (args[0] === 'plan') {
      (await import('./plan.ts')).printFailedPlan(failure);
      return failed;
    }
    const { failedReport, printReport } = await import('./report-json.ts');
    printReport(failedReport(failure), isStdoutTaken(args) ? 'stderr' : 'stdout');
    return failed;
  }
}

/** Whether the records go to standard output, as far as a wrong command line tells. */
function isStdoutTaken(args: readonly string[]): boolean {
  const copy = makeProgram(() => undefined).commands.find(command => command.name() === args[0]);
  try {
    return copy?.parseOptions(args.slice(1)).operands[1] === '-';
  } catch {
    return args.includes('-');
  }
}

const EXAMPLES = `
Places:
  users.csv  data/*.ndjson.gz  file:///tmp/users.json   files; format and compression by extension, or ?format=csv
  -                                                     standard input or output
  postgres://user@host/db?table=users                   a table; ?query=select … reads a query
  generate:?rows=1000&seed=7   null:                    made-up records; nothing kept

Examples:
  $ millrace head users.csv
  $ millrace copy users.csv 'postgres://localhost/app?table=users'
  $ millrace plan users.csv 'postgres://localhost/app?table=users'
  $ millrace copy 'postgres://localhost/app?table=users' no.ndjson.gz --where "country = NO" --select id,name
  $ millrace copy 'postgres://localhost/a?table=t' 'postgres://localhost/b?table=t' --dead-letter rejects.ndjson`;

function makeProgram(ended: (status: ExitStatus) => void): Command {
  const program = new Command('millrace')
    .description('Moves records between databases, files and standard input and output, through operators.')
    .version(version(), '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ helpWidth: Math.min(widthOf(process.stdout, 110), 120) })
    .addHelpText('after', EXAMPLES);
  addCopy(program, ended);
  addPlan(program, ended);
  addReplay(program, ended);
  addHead(program, ended);
  addVerify(program, ended);
  addSchema(program, ended);
  addState(program, ended);
  program.commands.flatMap(command => [command, ...command.commands]).forEach(refuseTwice);
  program
    .command('kinds')
    .description('sources, sinks and operators with their options and guarantees')
    .action(async () => ended(await (await import('./kinds.ts')).kinds()));
  return program;
}

function addCopy(program: Command, ended: (status: ExitStatus) => void): void {
  withCopyOptions(program.command('copy').description('move records from one place to another'))
    .option('--json', 'the report as one JSON object on one line of stdout (of stderr when the target is -)')
    .option('--quiet', 'no progress, no summary')
    .action(async (from: string, to: string, options: CopyOptions) => ended(await (await import('./copy.ts')).copy(from, to, options)));
}

/** What it takes of a job is its name, its id, or how that begins. */
function addState(program: Command, ended: (status: ExitStatus) => void): void {
  const state = program.command('state').description('where jobs stand, as their target keeps it');
  const load = () => import('./state.ts');
  const withPlace = (command: Command): Command =>
    command.requiredOption('--at <place>', 'the database: postgres://host/database, or a table of it').option('--json', 'as JSON');
  withPlace(state.command('list').description('the jobs that are kept, the last that ran first')).action(async (options: StateOptions) =>
    ended(await (await load()).listState(options)),
  );
  withPlace(state.command('show').description('where a job stands').argument('<job>', 'its name, its id, or how that begins')).action(
    async (job: string, options: StateOptions) => ended(await (await load()).showState(job, options)),
  );
  withPlace(
    state.command('reset').description('forget where a job stands').argument('<job>', 'its name, its id, or how that begins'),
  ).action(async (job: string, options: StateOptions) => ended(await (await load()).resetState(job, options)));
}

function addReplay(program: Command, ended: (status: ExitStatus) => void): void {
  withCopyOptions(program.command('replay').description('the records of dead letters once more, through the options that repair them'), {
    from: ['letters', 'where the dead letters are; they stay there'],
  })
    .option('--only <code,…>', 'letters with one of these codes')
    .option('--json', 'the report as one JSON object on one line of stdout (of stderr when the target is -)')
    .option('--quiet', 'no progress, no summary')
    .action(async (letters: string, to: string, options: ReplayOptions) =>
      ended(await (await import('./replay.ts')).replay(letters, to, options)),
    );
}

function addPlan(program: Command, ended: (status: ExitStatus) => void): void {
  withCopyOptions(program.command('plan').description('what copy would do, and what it would fail with; writes nothing'))
    .option('--json', 'the plan as one JSON object on one line')
    .option('--quiet', 'only what it would fail with')
    .action(async (from: string, to: string, options: CopyOptions) => ended(await (await import('./plan.ts')).planCopy(from, to, options)));
}

function withCopyOptions(
  command: Command,
  { from: [from, what] }: { readonly from: readonly [string, string] } = { from: ['from', 'where the records are'] },
): Command {
  return command
    .argument(`<${from}>`, what)
    .argument('<to>', 'where they go')
    .option('--where <expression>', `keep what matches: "age >= 30 and city in (NY, 'Los Angeles')"`)
    .option('--order <a,-b>', 'by these columns, - for the greatest first')
    .option('--limit <n>', 'no more than n records', countOption('--limit'))
    .option('--select <a,b>', 'these columns, in this order')
    .option('--rename <old=new,…>', 'other names, all at once')
    .option('--coerce <name:type,…>', 'other types: string, integer, float, decimal, boolean, datetime, timestamp, date, json, binary')
    .option(
      '--mode <mode>',
      'create (the default): the target must not exist; append: add to it, or make it; replace: what is in it; upsert (tables): merge by key; sync (tables): the same, and delete what did not come',
    )
    .option('--key <id,…>', 'identity of a record: the primary key of a table that is made, what an upsert or a sync goes by')
    .option('--deleted-column <name>', 'with --mode sync: mark rows in this column (timestamptz or boolean) instead of deleting them')
    .option(
      '--on-drift <policy>',
      'a table that lacks columns of the records, or has smaller types: refuse (the default), add, widen, ignore',
    )
    .option('--lossy <a,b>', 'columns that may lose something: a smaller type of PostgreSQL, the null of JSON in NDJSON and JSON')
    .option('--before <sql>', 'SQL that runs first in the transaction of the rows (PostgreSQL)')
    .option('--after <sql>', 'SQL that runs last in it')
    .option('--dead-letter <place>', 'where refused records go; without it the first one stops the run')
    .option('--max-rejected <n|p%>', 'more refused records than this stop the run', maxRejectedOption)
    .option('--resume', 'go on where the last run of this job was, if its target (a table) keeps that; else begin at the beginning')
    .option('--since <column>', 'of a table: only rows beyond the last run by this column; the position is kept at the target')
    .option('--overlap <duration|n>', 'with --since: read again what lies so far behind it: 90s, 10m, or a number', overlapOption)
    .option('--job <name>', 'tells the job from others with the same places')
    .option('--no-checkpoint', 'keep nothing to go on from: all rows of a table in one transaction')
    .option(
      '--retry-for <time>',
      'how long a run that is lost on the way is begun again; 0: never (default: 1m)',
      durationOption('--retry-for'),
    )
    .option('--memory <size>', 'for records on their way (default: 16MiB)', sizeOption('--memory'))
    .option(
      '--parallel <n>',
      'connections that read a table of PostgreSQL, and that an upsert takes; or tables of a whole database at a time',
      countOption('--parallel'),
    )
    .option('--from-format <format>', 'of the source: csv, tsv, ndjson, json')
    .option('--to-format <format>', 'of the target')
    .addHelpText('after', '\nOrder of effect, however they are written: where, order, limit, select, rename, coerce.');
}

/** The last one would win without a word. */
function refuseTwice({ options }: Command): void {
  for (const option of options.filter(({ required }) => required)) {
    const { parseArg } = option;
    let isGiven = false;
    option.argParser((text, previous: unknown) => {
      if (isGiven)
        throw new MillraceError(
          'USAGE',
          `${option.long ?? option.flags} is given twice; give it once, expressions joined by and, lists by commas`,
        );
      isGiven = true;
      return parseArg === undefined ? text : (parseArg(text, previous) as unknown);
    });
  }
}

function addHead(program: Command, ended: (status: ExitStatus) => void): void {
  program
    .command('head')
    .description('a few records as a table')
    .argument('<from>', 'where the records are')
    .option('--limit <n>', 'so many records', countOption('--limit'), 10)
    .option('--where <expression>', 'only what matches')
    .option('--order <a,-b>', 'by these columns, - for the greatest first')
    .option('--select <a,b>', 'these columns, in this order')
    .option('--from-format <format>', 'of the source: csv, tsv, ndjson, json')
    .option('--json', 'NDJSON instead of a table')
    .action(async (from: string, options: HeadOptions) => ended(await (await import('./head.ts')).head(from, options)));
}

function addVerify(program: Command, ended: (status: ExitStatus) => void): void {
  program
    .command('verify')
    .description('whether two places have the same records, in any order: exit status 0, or 65 where they differ')
    .argument('<a>', 'one place')
    .argument('<b>', 'the other')
    .option('--key <id,…>', 'identity of a record: shows the records that differ')
    .option('--limit <n>', 'so many of them', countOption('--limit'), 20)
    .option('--memory <size>', 'for records on their way, of each side (default: 16MiB)', sizeOption('--memory'))
    .option('--from-format <format>', 'of A: csv, tsv, ndjson, json')
    .option('--to-format <format>', 'of B')
    .option('--json', 'the outcome as one JSON object on one line')
    .action(async (a: string, b: string, options: VerifyOptions) => ended(await (await import('./verify.ts')).verifyPlaces(a, b, options)));
}

const FORMS = ['text', 'typescript', 'zod', 'json-schema', 'sql'] as const satisfies readonly SchemaOptions['as'][];

function addSchema(program: Command, ended: (status: ExitStatus) => void): void {
  program
    .command('schema')
    .description('the columns of a source and their types')
    .argument('<from>', 'where the records are')
    .option('--as <form>', FORMS.join(', '), choiceOption('--as', FORMS), 'text')
    .option('--from-format <format>', 'of the source: csv, tsv, ndjson, json')
    .action(async (from: string, options: SchemaOptions) => ended(await (await import('./schema.ts')).schema(from, options)));
}

/** `error: unknown option '--slect'⏎(Did you mean --select?)` as a sentence of ours. */
function usageError(error: CommanderError): MillraceError {
  const text = error.message.replace(/^error: /, '').replace(/\s*\(Did you mean (.*?)\?\)/s, '; did you mean $1?');
  const hint = text.includes('did you mean') ? '' : '; see millrace --help';
  return new MillraceError('USAGE', `${text.replace(/\.$/, '')}${hint}`);
}

function version(): string {
  return (createRequire(import.meta.url)('millrace/package.json') as { version: string }).version;
}
