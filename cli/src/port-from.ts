import { DrcError } from '@drc/protocol';

/** The port that an environment variable names, if it is set. @throws DrcError `CONFIG_INVALID` where it is none. */
export function portFrom(variable: string): number | undefined {
  const text = process.env[variable];
  if (text === undefined) return undefined;
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new DrcError('CONFIG_INVALID', `${variable}: '${text}' is not a port.`);
}
