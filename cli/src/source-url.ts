import { DrcError } from '@drc/protocol';

/** A source as it is named on the command line. */
export interface SourceUrl {
  /** Without a password. */
  readonly url: string;
  readonly user: string;
  readonly host: string;
  readonly passwordInUrl: string | undefined;
  /** Without the slash; empty where there is none. */
  readonly path: string;
}

/**
 * The password is taken out at once: it is shown nowhere.
 * @param program what `ps` is to show in the place of a command line with a password
 * @throws DrcError `CONFIG_INVALID`
 */
export function parseSourceUrl(text: string, program: string): SourceUrl {
  const wrong = (why: string): DrcError =>
    new DrcError('CONFIG_INVALID', `--source ${why}. It reads mysql://user@host:3306.`);
  if (!URL.canParse(text)) throw wrong('is not a URL');
  const url = new URL(text);
  // The warning below is not all: on Linux this also takes the argument out of what `ps` shows of this process.
  if (url.password !== '') process.title = program;
  if (!['mysql:', 'mariadb:'].includes(url.protocol))
    throw wrong(`begins with ${url.protocol}//, not mysql://`);
  if (url.username === '') throw wrong('names no user');
  const passwordInUrl = url.password === '' ? undefined : decoded(url.password, wrong);
  if (passwordInUrl !== undefined) {
    process.stderr.write(
      'Warning: a password on the command line can be seen by other users (ps). Use DRC_SOURCE_PASSWORD.\n',
    );
  }
  const path = decoded(url.pathname.replace(/^\//, ''), wrong);
  const user = decoded(url.username, wrong);
  url.password = '';
  url.pathname = '';
  return { url: url.href, user, host: url.host, passwordInUrl, path };
}

function decoded(text: string, wrong: (why: string) => DrcError): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('has a % that is not followed by two hexadecimal digits (write %25 for a %)');
  }
}
