import { Command, Option } from 'commander';
import { count, port } from './arguments.js';
import type { CongoCheckFlags } from './commands/congo-check.js';
import type { CongoPlanFlags } from './commands/congo-plan.js';
import { addCongoControlCommands } from './congo-control-commands.js';
import { runProgram } from './run-program.js';
import { stopSignal } from './stop-signal.js';

const program = new Command('congo')
  .description('Applies the changes of a topic to tables of another MySQL or MariaDB server, exactly once.')
  .version('0.1.0');

program
  .command('run')
  .description('run the task of a file, or all of its tasks, until they are stopped')
  .requiredOption('-c, --config <file>', 'the task or tasks, in YAML (docs/congo.md)')
  .option('--admin-port <port>', 'port of /livez, /readyz and /metrics; 0 takes a free one', port)
  .addHelpText(
    'after',
    `
Environment: CONGO_TARGET_PASSWORD, DRC_MACHINE_KEY or DRC_PASSWORD, CONGO_ADMIN_PORT, DRC_LOG_LEVEL.

Of several tasks one that ends by an error stops none of the others: the process goes on, /readyz says so, and the exit code
tells when the last has ended or a signal stops them: 1, or 6 where nothing happened but that other processes took tasks over.

Example:
  CONGO_TARGET_PASSWORD=… congo run --config congo.yaml`,
  )
  .action(async (flags: { config: string; adminPort?: number }) => {
    const stop = stopSignal();
    await (await import('./commands/congo-run.js')).congoRun(flags, stop);
  });

program
  .command('plan')
  .description('print what the rules of a task make of changes that the log has; nothing is written')
  .requiredOption('-c, --config <file>', 'the task, in YAML (docs/congo.md)')
  .option('--task <name>', 'which of several tasks')
  .option('--from <moment>', 'where the sample begins: -15m, a date, earliest, snapshot, …', '-15m')
  .option('--limit <changes>', 'changes of the source, at most', count, 20)
  .addOption(new Option('-o, --output <format>', 'how to print it').choices(['text', 'json']).default('text'))
  .addHelpText(
    'after',
    `
The target is not asked: it need not be there. Rules that do not suit the tables, and rows that belong to no shard, are errors here as they
would be in \`congo run\`.

Examples:
  congo plan --config congo.yaml
  congo plan --config congo.yaml --from -24h --limit 1000 -o json | jq .becomes`,
  )
  .action(async (flags: CongoPlanFlags) => {
    await (await import('./commands/congo-plan.js')).congoPlan(flags, stopSignal());
  });

program
  .command('check')
  .description(
    'look at all tables that a task reads and writes, and print all faults at once; nothing is written',
  )
  .requiredOption('-c, --config <file>', 'the task, in YAML (docs/congo.md)')
  .option('--task <name>', 'which of several tasks')
  .option('--ddl', "print the DDL of congo's own tables instead, for an administrator; needs no connection")
  .addOption(new Option('-o, --output <format>', 'how to print it').choices(['text', 'json']).default('text'))
  .option('--json', 'the same as -o json')
  .addHelpText(
    'after',
    `
A fault would stop the task; a warning may. Exit code: 0 without faults, 1 with faults or where not all could be looked at.

Examples:
  congo check --config congo.yaml
  congo check --config congo.yaml --json | jq -r '.faults[] | .table + ": " + .message'
  congo check --config congo.yaml --ddl | mysql --host target.example --user admin -p`,
  )
  .action(async (flags: CongoCheckFlags) => {
    process.exitCode = await (await import('./commands/congo-check.js')).congoCheck(flags, stopSignal());
  });

addCongoControlCommands(program);
await runProgram(program);
