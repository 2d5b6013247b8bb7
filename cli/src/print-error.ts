import { DrcError } from '@drc/protocol';
import { adviceOf } from './advice.js';

/**
 * An error as a person reads it on stderr, in one block: what happened, each fault with the statement that mends it,
 * and what to do. A stack is shown only of what is not ours: a mistake in the program.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof DrcError)) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { code, message, details } = error;
  const faults = listOf(details['faults']);
  const remedies = listOf(details['remedies']);
  const lines = [`${code}: ${faults.length === 0 ? message : introduction(message, faults[0]!)}`];
  for (const [index, fault] of faults.entries()) {
    lines.push(`  - ${fault}`);
    const remedy = remedies[index];
    if (remedy !== undefined) lines.push(`    ${/^[A-Z]+ /.test(remedy) ? `${remedy};` : remedy}`);
  }
  if (code !== 'CONFIG_INVALID') lines.push(`  ${adviceOf(error)}`);
  return lines.join('\n');
}

const listOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

/** The message without the faults that it may repeat: they are listed below it. */
function introduction(message: string, firstFault: string): string {
  const at = message.indexOf(firstFault);
  return at <= 0 ? message : message.slice(0, at).trimEnd();
}
