import { type Command, Option } from 'commander';
import { withAccessOptions } from './access-commands.js';
import type { ReaderFlags, ReaderListFlags, ReaderSeekFlags } from './commands/reader.js';

// Loaded when one is run, as all commands are.
const commands = () => import('./commands/reader.js');

const output = (): Option =>
  new Option('-o, --output <format>', 'how to print it').choices(['table', 'json']).default('table');

/** Names a subscription whose place the managers keep. */
const withReader = (command: Command): Command =>
  withAccessOptions(command)
    .requiredOption('--principal <name>', 'whose it is: a user, or machine:ID of a client’s key')
    .requiredOption('--topic <name>', 'the topic')
    .requiredOption('--name <name>', 'what the service calls its subscription')
    .option('--apply', 'do it; without this nothing is changed')
    .addOption(output());

/** Adds `drc reader`: ls, seek, rm. */
export function addReaderCommands(program: Command): void {
  const reader = program
    .command('reader')
    .description('readers: where they are, and where they are to go on');
  withAccessOptions(reader.command('ls'))
    .description('list readers: their lag, and how long what they need next is still kept')
    .option('--topic <name>', 'only of this topic')
    .addOption(output())
    .addHelpText(
      'after',
      `
One reader a line: topic, principal, name of the subscription, client, state ("away": no session), age of the oldest
transaction that it is not done with, about how many bytes of log there are from there on, how long until that is trimmed,
and when its checkpoint was saved by the managers (or where an operator moved it to). "-": not known, or there is none.
Stores tell every few seconds. For an administrator; of a stopped manager's folder (--data) all readers are away.

Examples:
  drc reader ls --manager http://127.0.0.1:7370
  drc reader ls --topic shop -o json | jq '.[] | select(.lagMs > 60000)'`,
    )
    .action(async (flags: ReaderListFlags) => (await commands()).readerList(flags));
  withReader(reader.command('seek'))
    .description(
      'let a subscription of hubCheckpoints() go on at another place; shows how far that is, unless --apply is given',
    )
    .requiredOption(
      '--to <moment>',
      'earliest, latest (the end as it is now), -15m, 2026-11-22T08:00Z, a transaction, after:SET, or a checkpoint',
    )
    .addHelpText(
      'after',
      `
What lies between is read again, or left out for good. An instance of the service that runs ends with CHECKPOINT_MOVED when
it saves next, or within half a minute: start it again, and it begins at the new place.

Examples:
  drc reader seek --principal machine:0123456789abcdef --topic shop --name billing --to -2h
  drc reader seek --principal anna --topic shop --name default --to 2026-11-22T08:00Z --apply --manager http://127.0.0.1:7370`,
    )
    .action(async (flags: ReaderSeekFlags) => (await commands()).readerSeek(flags));
  withReader(reader.command('rm'))
    .description(
      'forget the place of a subscription that is not used any more; shows it, unless --apply is given',
    )
    .addHelpText(
      'after',
      `
Started again, the service begins where a new one does (\`from\`). One that runs ends with CHECKPOINT_MOVED.

Example:
  drc reader rm --principal anna --topic shop --name report-2025 --apply --manager http://127.0.0.1:7370`,
    )
    .action(async (flags: ReaderFlags) => (await commands()).readerRemove(flags));
}
