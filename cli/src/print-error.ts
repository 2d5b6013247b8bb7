import { DrcError } from '@drc/protocol';

/** An error as a person reads it on stderr: what happened, and what to do. */
export function describeError(error: unknown): string {
  if (!(error instanceof DrcError))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const lines = [`${error.code}: ${error.message}`];
  if (error.code !== 'CONFIG_INVALID') lines.push(`  ${error.advice}`);
  return lines.join('\n');
}
