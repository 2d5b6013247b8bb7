import { Command } from 'commander';
import { port } from './arguments.js';
import { runProgram } from './run-program.js';
import { stopSignal } from './stop-signal.js';

const program = new Command('congo')
  .description('Applies the changes of a topic to tables of another MySQL or MariaDB server, exactly once.')
  .version('0.1.0');

program
  .command('run')
  .description('run the task of a file until it is stopped')
  .requiredOption('-c, --config <file>', 'the task, in YAML (docs/congo.md)')
  .option('--admin-port <port>', 'port of /livez, /readyz and /metrics; 0 takes a free one', port)
  .addHelpText(
    'after',
    `
Environment: CONGO_TARGET_PASSWORD, DRC_MACHINE_KEY or DRC_PASSWORD, CONGO_ADMIN_PORT, DRC_LOG_LEVEL.

Example:
  CONGO_TARGET_PASSWORD=… congo run --config congo.yaml`,
  )
  .action(async (flags: { config: string; adminPort?: number }) => {
    const stop = stopSignal();
    await (await import('./commands/congo-run.js')).congoRun(flags, stop);
  });

await runProgram(program);
