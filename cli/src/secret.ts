import { DrcError } from '@drc/protocol';
import { readFile } from 'node:fs/promises';

/** Where a password or key comes from. The environment wins over a file, a file over a prompt. */
export interface SecretSource {
  /** Name of the environment variable. */
  readonly variable: string;
  readonly file?: string | undefined;
  /** Asked on a terminal when nothing else gives it, e.g. `Password for user@host: `. */
  readonly prompt?: string | undefined;
}

/** @throws DrcError `CONFIG_INVALID` where nothing gives it. A secret never comes from the command line: `ps` shows that. */
export async function readSecret(source: SecretSource): Promise<string> {
  const fromEnvironment = process.env[source.variable];
  if (fromEnvironment !== undefined) return fromEnvironment;
  if (source.file !== undefined) {
    try {
      return (await readFile(source.file, 'utf8')).replace(/\r?\n$/, '');
    } catch (cause) {
      throw new DrcError(
        'CONFIG_INVALID',
        `${source.file}: cannot be read (${(cause as Error).message}).`,
        {},
        { cause },
      );
    }
  }
  if (source.prompt !== undefined && process.stdin.isTTY) return askHidden(source.prompt);
  throw new DrcError(
    'CONFIG_INVALID',
    `No password: set ${source.variable}, name a file, or run on a terminal to be asked.`,
  );
}

/** Reads a line from the terminal without showing it. */
async function askHidden(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  process.stdin.setRawMode(true);
  process.stdin.setEncoding('utf8');
  let text = '';
  try {
    for await (const typed of process.stdin as AsyncIterable<string>) {
      for (const key of typed) {
        if (key === '\r' || key === '\n') return text;
        if (key === '\u0003') throw new DrcError('CONFIG_INVALID', 'Interrupted.');
        if (key === '\u007f' || key === '\b') text = text.slice(0, -1);
        else text += key;
      }
    }
    return text;
  } finally {
    process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stderr.write('\n');
  }
}
