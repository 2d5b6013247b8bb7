import { DrcError } from '@drc/protocol';
import { readFile } from 'node:fs/promises';

/** Where a password or key comes from: a flag wins over the environment, that over a file of the configuration. */
export interface SecretSource {
  /** Name of the environment variable. */
  readonly variable: string;
  /** A file named on the command line. */
  readonly flagFile?: string | undefined;
  /** A file named in the configuration. */
  readonly file?: string | undefined;
  /** Asked on a terminal when nothing else gives it, e.g. `Password for user@host: `. */
  readonly prompt?: string | undefined;
  /** How else it can be given, for the message where nothing does: `source.passwordFile`. */
  readonly orElse?: string;
}

/**
 * A secret never is an argument itself: `ps` shows these.
 * @throws DrcError `CONFIG_INVALID` where nothing gives it, or a file cannot be read.
 */
export async function readSecret(source: SecretSource): Promise<string> {
  const { variable, flagFile, file, prompt, orElse } = source;
  if (flagFile !== undefined) return readSecretFile(flagFile);
  const fromEnvironment = process.env[variable];
  if (fromEnvironment !== undefined) return fromEnvironment;
  if (file !== undefined) return readSecretFile(file);
  if (prompt !== undefined && process.stdin.isTTY) return askHidden(prompt);
  const ways = [
    `set ${variable}`,
    ...(orElse === undefined ? [] : [`name a file with ${orElse}`]),
    ...(prompt === undefined ? [] : ['run on a terminal to be asked']),
  ];
  throw new DrcError('CONFIG_INVALID', `A secret is missing: ${ways.join(', or ')}.`);
}

async function readSecretFile(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    throw new DrcError(
      'CONFIG_INVALID',
      `${path}: cannot be read (${(cause as Error).message}).`,
      {},
      { cause },
    );
  }
}

/** Reads a line from the terminal without showing it. */
async function askHidden(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    // Listeners, not an iterator: leaving a loop over stdin destroys it, and then raw mode cannot be ended.
    return await new Promise<string>((resolve) => {
      let text = '';
      const read = (typed: string): void => {
        for (const key of typed) {
          // In raw mode Ctrl-C is a character. As a signal it would have this exit code.
          if (key === '\u0003') process.exit(130);
          if (key === '\r' || key === '\n' || key === '\u0004') {
            stdin.off('data', read);
            resolve(text);
            return;
          }
          text = key === '\u007f' || key === '\b' ? text.slice(0, -1) : text + key;
        }
      };
      stdin.on('data', read);
    });
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}
