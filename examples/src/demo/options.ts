import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** How long the load runs. Default 20. */
  readonly seconds: number;
  /** Transactions a second. Default 300. */
  readonly rate: number;
  /** Leave everything running until Ctrl-C, and print how to look at it. */
  readonly keep: boolean;
}

export const demoHelp = `Usage: npm run demo -- [--seconds N] [--rate TX_PER_SECOND] [--keep]

Starts two MariaDB servers, a cluster manager, a store, congo and a reader on free ports of this machine,
writes to the source, and compares source and target at the end.

  --seconds N   how long to write (default 20)
  --rate N      transactions a second (default 300)
  --keep        leave all running afterwards, and print addresses, a token and a command to try

Example: npm run demo -- --seconds 60 --rate 1000`;

/** The command line is wrong; nothing was started. */
export class DemoUsageError extends Error {}

/** @throws DemoUsageError that says what is wrong with the arguments. Undefined: help was asked for. */
export function parseDemoOptions(args: readonly string[]): DemoOptions | undefined {
  const values = parsed(args);
  if (values.help) return undefined;
  return {
    seconds: positive('--seconds', values.seconds),
    rate: positive('--rate', values.rate),
    keep: values.keep,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seconds: { type: 'string', default: '20' },
        rate: { type: 'string', default: '300' },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new DemoUsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new DemoUsageError(`${name} takes a positive number, not '${text}'`);
  return value;
}
