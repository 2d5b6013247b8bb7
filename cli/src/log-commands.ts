import { type Command, Option } from 'commander';
import { append } from './arguments.js';
import type { StoreCompactFlags } from './commands/store-compact.js';
import type { StoreExportFlags } from './commands/store-export.js';
import type { StoreLsFlags } from './commands/store-ls.js';
import type { StoreVerifyFlags } from './commands/store-verify.js';
import { stopSignal } from './stop-signal.js';

const withFolder = (command: Command): Command =>
  command
    .option('-c, --config <file>', "the store's configuration; the store itself must not run")
    .option('--data <folder>', 'the data folder, with or without a configuration (DRC_STORE_DATA)');

const output = (): Option =>
  new Option('-o, --output <format>', 'how to print it').choices(['text', 'json']).default('text');

/** Adds to `drc store` what looks at a log on the disk: ls, verify, compact, export. */
export function addLogCommands(store: Command): void {
  withFolder(store.command('ls').argument('[folders...]', 'data folders, or a folder that has some'))
    .description('list what data folders hold: topic, extent, size, tables, prepared transactions')
    .option('--count', 'read the logs, too: rows of each table, and gaps')
    .addOption(output())
    .addHelpText(
      'after',
      `
Of a running store topic and size are told. Exit code: 0; 8 where a log is damaged.

Examples:
  drc store ls drc-data/topics
  drc store ls --config store.yaml --count`,
    )
    .action(async (folders: string[], flags: StoreLsFlags) => {
      const stop = stopSignal();
      await (await import('./commands/store-ls.js')).storeLs(folders, flags, stop);
    });

  withFolder(store.command('verify'))
    .description('read a whole log and check every law that can be checked; changes nothing')
    .addOption(output())
    .addHelpText(
      'after',
      `
All faults are listed, each with its place. Exit code: 0, the log is whole; 8, it is damaged (drc store repair).

Examples:
  drc store verify --config store.yaml
  drc store verify --data ./copy -o json | jq .faults`,
    )
    .action(async (flags: StoreVerifyFlags) => {
      const stop = stopSignal();
      await (await import('./commands/store-verify.js')).storeVerify(flags, stop);
    });

  withFolder(store.command('compact'))
    .description(
      'give the space of what was deleted back at once; tells what it takes, unless --apply is given',
    )
    .option('--apply', 'do it; without this nothing is changed')
    .addOption(output())
    .addHelpText('after', '\nExample:\n  drc store compact --config store.yaml --apply')
    .action(async (flags: StoreCompactFlags) => {
      const stop = stopSignal();
      await (await import('./commands/store-compact.js')).storeCompact(flags, stop);
    });

  withFolder(store.command('export'))
    .description('write a slice of a log into a file, for other programs')
    .option(
      '--from <place>',
      'where it begins: earliest, -15m, a date, a transaction, a number of the log',
      'earliest',
    )
    .option(
      '--to <place>',
      'where it ends: latest, or as above; a time is not part of it, all else is',
      'latest',
    )
    .option('--table <glob>', 'only these tables, as schema.table (can be given several times)', append)
    .option(
      '--acknowledge-gap <id>',
      'go on over this transaction, which was left out (can be given several times)',
      append,
    )
    .requiredOption('--file <path>', 'the file to make')
    .addOption(output())
    .addHelpText(
      'after',
      `
The file holds what a reader is sent, all tables and columns of it: keep it as secret as the log. See "Exports" in
docs/protocol.md.

Examples:
  drc store export --config store.yaml --from 2026-11-22T08:00Z --to 2026-11-22T08:05Z --file slice.drc
  drc store export --data ./copy --from 0-1-77 --to 0-1-80 --table 'shop.*' --file slice.drc`,
    )
    .action(async (flags: StoreExportFlags) => {
      const stop = stopSignal();
      await (await import('./commands/store-export.js')).storeExport(flags, stop);
    });
}
