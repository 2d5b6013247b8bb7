import { DrcError, isDrcError } from '@drc/protocol';
import { parseStoreConfig } from '@drc/store';
import { withAdvice } from './advice.js';
import { readConfig } from './config-file.js';

/** How a command is told which log it is for. */
export interface LogFolderFlags {
  /** The store's configuration. */
  readonly config?: string;
  /** The data folder; with `config`, instead of the one in the file. */
  readonly data?: string;
}

export interface LogFolder {
  readonly directory: string;
  /** Which it must hold; absent: whichever it does. */
  readonly topic?: string;
}

/** @throws DrcError `CONFIG_INVALID` */
export async function logFolderOf({ config, data }: LogFolderFlags): Promise<LogFolder> {
  const directory = data ?? process.env['DRC_STORE_DATA'];
  if (config !== undefined) {
    const { directory: configured, topic } = await readConfig(config, parseStoreConfig, { directory });
    return { directory: configured, topic };
  }
  if (directory !== undefined) return { directory };
  throw new DrcError('CONFIG_INVALID', 'Which log? Give --config or --data.');
}

/** Says of a folder that is in use what else can be done. @param what as in `Stop it to ${what}` */
export function explainLocked(error: unknown, directory: string, what: string): unknown {
  if (!isDrcError(error, 'LOG_LOCKED')) return error;
  return withAdvice(
    error,
    `The store of ${directory} runs. Stop it to ${what}; or take a copy of the folder without the lock file in it (a snapshot of its file system, say), and give that with --data.`,
  );
}
