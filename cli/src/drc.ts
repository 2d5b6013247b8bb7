import { Command, Option } from 'commander';
import { append, count, list, ofTable, port, share } from './arguments.js';
import type { AccessFlags } from './access.js';
import { addAccessCommands, withAccessOptions } from './access-commands.js';
import type { MachineKeyFlags, UserFlags } from './commands/cm-access.js';
import type { CmInitFlags, CmStartFlags } from './commands/cm.js';
import type { DevFlags } from './commands/dev.js';
import type { DoctorFlags } from './commands/doctor.js';
import type { StoreStartFlags } from './commands/store.js';
import type { StoreRepairFlags } from './commands/store-repair.js';
import type { StoreSkipFlags } from './commands/store-skip.js';
import type { TailFlags } from './commands/tail.js';
import { type ClientFlags, defaultDataFolder } from './client-profile.js';
import { withTlsOptions } from './client-tls.js';
import { addCodegenCommand } from './codegen-command.js';
import { addDrainCommand } from './drain-command.js';
import { addLogCommands } from './log-commands.js';
import { addReaderCommands } from './reader-commands.js';
import { runProgram } from './run-program.js';
import { stopSignal } from './stop-signal.js';

// A command is loaded when it is run: the whole takes a second on a small machine, and `drc tail` needs a third of it.
const access = () => import('./commands/cm-access.js');
const manager = () => import('./commands/cm.js');

const program = new Command('drc')
  .description(
    'A change-capture hub for MySQL and MariaDB: each source is read once, its changes go to everybody who needs them.',
  )
  .version('0.1.0');

program
  .command('dev')
  .description('run a cluster manager and a store for one source in this process, to try DRC')
  .requiredOption('--source <url>', 'mysql://user@host:3306')
  .option('--topic <name>', 'name of the stream; default: the path of the URL, else "main"')
  .option('--data <folder>', 'where the log and the metadata are kept', `./${defaultDataFolder}`)
  .option('--tables <globs>', 'capture only these, e.g. shop.*,crm.people', list)
  .option('--exclude <globs>', 'capture all but these', list)
  .option(
    '--start <moment>',
    'where an empty log begins: retention (a day back), now, -2h, 2026-11-22T08:00Z (default: retention)',
  )
  .option(
    '--ignore-statements <globs>',
    'leave out writes in statement form to these, instead of stopping',
    list,
  )
  .option(
    '--tls',
    "encrypt the connection to the source; its certificate must be of the system's authorities",
  )
  .option('--tls-ca <file>', 'encrypt it; the certificate must be of this authority (PEM)')
  .option('--port <port>', 'cluster manager (0: a free one)', port, 7370)
  .option('--store-port <port>', 'store (0: a free one)', port, 7380)
  .addHelpText(
    'after',
    `
The password comes from DRC_SOURCE_PASSWORD, or is asked for. The source must log in ROW format; what is missing is
printed with the statement to run.

Example:
  DRC_SOURCE_PASSWORD=… drc dev --source mysql://repl@127.0.0.1:3306 --topic shop
  drc tail shop --from -15m`,
  )
  .action(async (flags: DevFlags) => {
    const stop = stopSignal();
    await (await import('./commands/dev.js')).dev(flags, stop);
  });

program
  .command('doctor')
  .description('check a source: settings, privileges, tables; print what to change')
  .option('--source <url>', "mysql://user@host:3306 (instead of the source in --config's file)")
  .option('-c, --config <file>', 'the file of a store: its source, its tables, its retention')
  .option(
    '--tables <globs>',
    'check only these tables, e.g. shop.*,crm.people; default: what is captured',
    list,
  )
  .option('--retention <duration>', 'how far back the binlog is to reach, e.g. 24h')
  .option('--topic <name>', 'name of the stream; default: the path of the URL, else "main"')
  .option('--data <folder>', 'folder of a `drc dev` whose log may be looked at', defaultDataFolder)
  .addOption(
    new Option('-o, --output <format>', 'how to print it').choices(['table', 'json']).default('table'),
  )
  .addHelpText(
    'after',
    `
The password comes from DRC_SOURCE_PASSWORD, the file that --config names, or is asked for. Nothing is changed on the
source. Exit code: 0, also with warnings; 7 where a fault keeps a store from capturing, or the source does not answer.

Examples:
  DRC_SOURCE_PASSWORD=… drc doctor --source mysql://repl@127.0.0.1:3306 --tables 'shop.*'
  drc doctor --config store.yaml -o json | jq '.findings[] | select(.status == "fault")'`,
  )
  .action(async (flags: DoctorFlags) => (await import('./commands/doctor.js')).doctor(flags));

const withClientOptions = (command: Command): Command =>
  withTlsOptions(command)
    .option('--manager <url>', 'cluster manager, or several between commas (DRC_MANAGER)')
    .option(
      '--user <name>',
      'log in with a password from DRC_PASSWORD, --password-file or a prompt (DRC_USER)',
    )
    .option('--password-file <file>', 'file with the password')
    .option('--machine-key-file <file>', 'use a machine key instead (DRC_MACHINE_KEY, DRC_MACHINE_KEY_FILE)')
    .option(
      '--data <folder>',
      'folder of a `drc dev` whose key is used when nothing else is given',
      defaultDataFolder,
    );

withClientOptions(program.command('tail').argument('<topic>'))
  .description('print the changes of a topic: one JSON object a line, or readable on a terminal')
  .option(
    '--from <moment>',
    'snapshot (the rows that are there, then the changes), earliest, latest, -15m, 2026-11-22T08:00Z, a transaction, after:SET, or a checkpoint',
    'latest',
  )
  .option('--table <glob>', 'only these tables, as schema.table (can be given several times)', append)
  .option(
    '--where <condition>',
    'only rows of which this is true, as "shop.orders: total > 100" (once for each table or glob)',
    ofTable,
  )
  .option(
    '--columns <names>',
    'only these columns, as "shop.orders: id,total" (once for each table or glob)',
    ofTable,
  )
  .option('--partition <index/of>', 'one share of the rows, divided by key: 0/4 is the first of four', share)
  .option('--checkpoint <path>', 'keep the place in this file (or folder), and go on from it')
  .option(
    '--acknowledge-gap <id>',
    'go on over this transaction, which was left out (can be given several times)',
    append,
  )
  .option('-n, --count <changes>', 'stop after so many changes', count)
  .option('--json', 'JSON also on a terminal')
  .addOption(new Option('--no-json', 'readable text also into a pipe').default(undefined))
  .addHelpText(
    'after',
    `
Examples:
  drc tail shop --from -15m
  drc tail shop --table shop.orders --json | jq .after.total
  drc tail shop --table shop.orders --from snapshot --json > orders.ndjson
  drc tail shop --table 'shop.o*' --where "shop.orders: region = 'eu' AND total > 100" --columns 'shop.orders: id,total'
  drc tail shop --from earliest --checkpoint ./progress.checkpoint`,
  )
  .action(async (topic: string, flags: TailFlags) => {
    const stop = stopSignal();
    await (await import('./commands/tail.js')).tail(topic, flags, stop);
  });

withClientOptions(program.command('topics'))
  .description('list the topics that you may read, with the number of their stores')
  .action(async (flags: ClientFlags) => (await import('./commands/topics.js')).topics(flags));

addCodegenCommand(withClientOptions(program.command('codegen').argument('<topic>')));

const cm = program
  .command('cm')
  .description('the cluster manager: who may read what, and which store has it');

cm.command('init')
  .description('make the data folder, the signing key and the first administrator')
  .option('-c, --config <file>', 'its configuration; needed where the registry is in ZooKeeper')
  .option('--data <folder>', 'directory: a folder that does not exist or is empty (DRC_CM_DATA)')
  .option('--cluster <name>', 'stands in each ticket; default "main"')
  .option('--administrator <name>', 'default "admin"')
  .addHelpText('after', '\nExamples:\n  drc cm init --data ./cm\n  drc cm init --config cm-2.yaml')
  .action(async (flags: CmInitFlags) => (await manager()).cmInit(flags));

withAccessOptions(cm.command('machine-key'))
  .description('make the key of a store, or of a client, and print it')
  .requiredOption('--topics <names>', 'topics that it announces (or reads), e.g. shop,crm', list)
  .option('--client', 'the key of a client instead of a store')
  .option('--tables <globs>', 'tables that the client may read; default all', list)
  .option('--snapshot', 'the client may have these tables copied as they are now')
  .option('--backfill', 'the client may have what is older than the log read from the source')
  .addHelpText(
    'after',
    `
Examples:
  drc cm machine-key --data ./cm --topics shop > store.key
  DRC_PASSWORD=… drc cm machine-key --manager http://127.0.0.1:7370 --client --topics shop > client.key
  drc cm machine-key --data ./cm --client --topics shop --snapshot > congo.key`,
  )
  .action(async (flags: MachineKeyFlags) => (await access()).cmMachineKey(flags));

withAccessOptions(cm.command('machine-keys'))
  .description('list the machine keys: id, kind, topics, tables, when each was made')
  .action(async (flags: AccessFlags) => (await access()).cmMachineKeys(flags));

withAccessOptions(cm.command('remove-machine-key').argument('<id>'))
  .description('a key that is no longer taken; what is being read with it ends at once')
  .action(async (id: string, flags: AccessFlags) => (await access()).cmRemoveMachineKey(id, flags));

withAccessOptions(cm.command('user').argument('<name>'))
  .description('add a user and print the generated password')
  .option('--administrator', 'may make and remove users and machine keys')
  .option('--topics <globs>', 'topics that the user may read; default all', list)
  .option('--tables <globs>', 'tables that the user may read; default all', list)
  .option('--replace', 'give an existing user a new password and these rights')
  .addHelpText('after', '\nExample:\n  drc cm user anna --data ./cm --topics shop --tables shop.orders')
  .action(async (name: string, flags: UserFlags) => (await access()).cmUser(name, flags));

withAccessOptions(cm.command('users'))
  .description('list the users: name, whether an administrator, topics, tables')
  .action(async (flags: AccessFlags) => (await access()).cmUsers(flags));

withAccessOptions(cm.command('remove-user').argument('<name>'))
  .description('remove a user with its tokens; what is being read ends at once')
  .action(async (name: string, flags: AccessFlags) => (await access()).cmRemoveUser(name, flags));

cm.command('start')
  .description('run a cluster manager until it is stopped')
  .option('-c, --config <file>', 'its configuration, in YAML (docs/operations.md); not needed beside --data')
  .option('--data <folder>', 'directory, as `drc cm init` made it (DRC_CM_DATA)')
  .option('--port <port>', 'listen.port (DRC_CM_PORT)', port)
  .option('--admin-port <port>', 'admin.port (DRC_CM_ADMIN_PORT)', port)
  .addHelpText('after', '\nExample:\n  drc cm start --config cm.yaml')
  .action(async (flags: CmStartFlags) => {
    const stop = stopSignal();
    await (await manager()).cmStart(flags, stop);
  });

const store = program
  .command('store')
  .description('the store: reads one source, keeps its changes, serves them');

store
  .command('start')
  .description('run a store until it is stopped')
  .requiredOption('-c, --config <file>', 'its configuration, in YAML (docs/operations.md)')
  .option('--data <folder>', 'directory (DRC_STORE_DATA)')
  .option('--port <port>', 'listen.port (DRC_STORE_PORT)', port)
  .option('--admin-port <port>', 'admin.port (DRC_STORE_ADMIN_PORT)', port)
  .addHelpText(
    'after',
    `
Environment: DRC_SOURCE_PASSWORD, DRC_MACHINE_KEY, DRC_LOG_LEVEL. Flags win over the environment, it wins over the file.

Example:
  DRC_SOURCE_PASSWORD=… drc store start --config store.yaml`,
  )
  .action(async (flags: StoreStartFlags) => {
    const stop = stopSignal();
    await (await import('./commands/store.js')).storeStart(flags, stop);
  });

store
  .command('repair')
  .description('cut a damaged log off at its last good transaction; shows where, unless --apply is given')
  .requiredOption('-c, --config <file>', "the store's configuration; the store itself must not run")
  .option('--data <folder>', 'directory (DRC_STORE_DATA)')
  .option('--before <lsn>', 'cut in front of this transaction at the latest, by its number in the log', count)
  .option('--apply', 'do it; without this nothing is changed')
  .addOption(new Option('-o, --output <format>', 'how to print it').choices(['text', 'json']).default('text'))
  .addHelpText(
    'after',
    `
The whole log is read. What is cut off is captured again from the source, where that still has it; the database is kept
as it was beside the repaired one. See "When the log is damaged" in docs/operations.md.
Exit code: 0, the log is whole or was repaired; 8, it is damaged.

Examples:
  drc store repair --config store.yaml
  drc store repair --config store.yaml --apply`,
  )
  .action(async (flags: StoreRepairFlags) => {
    const stop = stopSignal();
    await (await import('./commands/store-repair.js')).storeRepair(flags, stop);
  });

store
  .command('skip')
  .description('leave out the transaction at which capture has stopped; shows it, unless --apply is given')
  .requiredOption('-c, --config <file>', "the store's configuration; the store itself must not run")
  .option('--data <folder>', 'directory (DRC_STORE_DATA)')
  .option('--transaction <id>', 'the one to leave out; without it the one that comes next is shown')
  .option('--reason <text>', 'why; readers of its tables are shown it')
  .option(
    '--tables <names>',
    'the tables that it changed, where only you can know them, e.g. shop.orders,shop.items',
    list,
  )
  .option('--apply', 'do it; without this nothing is changed')
  .addHelpText(
    'after',
    `
A GAP stands in the log in its place: readers of its tables are stopped in front of it until they acknowledge it.
Another transaction than the next one, and one that capture would take, is refused. See "When capture stops" in
docs/operations.md.

Examples:
  drc store skip --config store.yaml
  drc store skip --config store.yaml --transaction 0-1-77 --reason 'batch job in STATEMENT format, DB-123' --apply`,
  )
  .action(async (flags: StoreSkipFlags) => {
    const stop = stopSignal();
    await (await import('./commands/store-skip.js')).storeSkip(flags, stop);
  });

addDrainCommand(store);
addLogCommands(store);
addAccessCommands(program);
addReaderCommands(program);

await runProgram(program);
