import type { Command } from 'commander';
import type { StoreDrainFlags } from './commands/store-drain.js';
import { stopSignal } from './stop-signal.js';

/** Adds `drc store drain`. */
export function addDrainCommand(store: Command): void {
  store
    .command('drain')
    .description('move the readers of a running store to the other stores of its topic')
    .option('--admin <url>', 'its admin port, as http://127.0.0.1:7381')
    .option('-c, --config <file>', "the store's configuration, which names its admin port")
    .option('--stop', 'end the store when no reader is left')
    .option('--undo', 'take readers again')
    .addHelpText(
      'after',
      `
To be run on the store's machine: its admin port is on loopback. Each reader is sent away behind a whole transaction, and
goes on at another store without a gap or a repeat; whom no other store can take stays. Tells how many are left until none
is; ended before, the store drains on. See "Move the readers of a store" in docs/operations.md.

Examples:
  drc store drain --config store.yaml --stop
  drc store drain --admin http://127.0.0.1:7381
  drc store drain --admin http://127.0.0.1:7381 --undo`,
    )
    .action(async (flags: StoreDrainFlags) => {
      const stop = stopSignal();
      await (await import('./commands/store-drain.js')).storeDrain(flags, stop);
    });
}
