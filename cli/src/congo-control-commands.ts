import { type Command, Option } from 'commander';
import { count, duration } from './arguments.js';
import type {
  OffsetSetFlags,
  OutputFlags,
  TaskFlags,
  ThrottleFlags,
  WaitFlags,
} from './commands/congo-control.js';

// Loaded when one is run, as all commands are.
const commands = () => import('./commands/congo-control.js');

const output = (): Option =>
  new Option('-o, --output <format>', 'how to print it').choices(['text', 'json']).default('text');

const withTask = (command: Command): Command =>
  command
    .requiredOption('-c, --config <file>', 'the file of the task: its target, and its name')
    .option('--task <name>', 'which task, where the file has several');

/** Adds status, pause, resume, throttle, offset, wait: what an operator does to a task, by its rows on the target. */
export function addCongoControlCommands(program: Command): void {
  withTask(program.command('status'))
    .description('who runs a task, whether it applies, and what the target has')
    .addOption(output())
    .option('--json', 'the same as -o json')
    .addHelpText(
      'after',
      `
All of it is read on the target; "not running" means that the session of the task's last process is not there. The lag is
what the process told last, and when: it tells each change of its state, and every ten seconds while it applies.

Examples:
  congo status --config congo.yaml
  congo status --config congo.yaml --json | jq '.[].applied'`,
    )
    .action(async (flags: TaskFlags & OutputFlags) => (await commands()).congoStatus(flags));
  withTask(program.command('pause'))
    .description('let a task apply nothing, until it is resumed')
    .addHelpText(
      'after',
      `
A running task pauses within a second, after the target transaction that is under way; one that is started later begins
paused. Mind the log: what the task has not read when its retention ends is gone for it.

Example:
  congo pause --config congo.yaml && congo status --config congo.yaml`,
    )
    .action(async (flags: TaskFlags) => (await commands()).congoPause(flags));
  withTask(program.command('resume'))
    .description('let a paused task go on')
    .addHelpText('after', '\nExample:\n  congo resume --config congo.yaml')
    .action(async (flags: TaskFlags) => (await commands()).congoResume(flags));
  withTask(program.command('throttle'))
    .description('hold a task back, to so many rows a second')
    .option('--rows-per-second <number>', 'the most that it applies, on average', count)
    .option('--off', 'as fast as it can')
    .addHelpText(
      'after',
      `
Holds over restarts. A source transaction is never divided: after one of more rows the task waits as long as they are worth.

Examples:
  congo throttle --config congo.yaml --rows-per-second 2000
  congo throttle --config congo.yaml --off`,
    )
    .action(async (flags: ThrottleFlags) => (await commands()).congoThrottle(flags));
  addOffset(program);
  withTask(program.command('wait'))
    .description(
      'wait until the target has a transaction of the source; exit code 10 where it has not in time',
    )
    .requiredOption(
      '--transaction <id>',
      'its id, or a set of them, as @@last_gtid or @@gtid_executed print it',
    )
    .option('--timeout <duration>', 'how long, as 5m (default: 30s)', duration)
    .addHelpText(
      'after',
      `
Examples:
  congo wait --config congo.yaml --transaction 0-1-4711 && mariadb --host replica shop
  congo wait --config congo.yaml --timeout 5m --transaction "$(mysql -rNe 'SELECT @@gtid_executed')"`,
    )
    .action(async (flags: WaitFlags) => (await commands()).congoWait(flags));
}

function addOffset(program: Command): void {
  const offset = program
    .command('offset')
    .description('what the target has of the topic, by the task’s record');
  withTask(offset.command('get'))
    .description('print the set of transactions that were applied')
    .addOption(output())
    .option('--json', 'the same as -o json, which has a checkpoint beside it')
    .addHelpText('after', '\nExample:\n  congo offset get --config congo.yaml')
    .action(async (flags: TaskFlags & OutputFlags) => (await commands()).congoOffsetGet(flags));
  withTask(offset.command('set'))
    .description('put another set in its place; only shows what that means, unless --apply is given')
    .requiredOption('--to <set>', 'a set of transactions, or a checkpoint of the topic')
    .option('--apply', 'do it; without this nothing is changed')
    .option('--dry-run', 'change nothing, which is the default')
    .addOption(output())
    .option('--json', 'the same as -o json')
    .addHelpText(
      'after',
      `
Only while no process runs the task (else TASK_RUNNING), and takes it over, so that none can write a row on the old record.
What the target has is not changed: rows of a transaction that is applied once more must not be there yet, or the rules
must take that (onDuplicate, onMissingUpdate, onMissingDelete); what is left out must be there already.

Examples:
  congo offset set --config congo.yaml --to 0-1-4711
  congo offset set --config congo.yaml --to 0-1-4711 --apply`,
    )
    .action(async (flags: OffsetSetFlags) => (await commands()).congoOffsetSet(flags));
}
