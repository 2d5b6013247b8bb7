import { type ErrorCode, isDrcError } from '@drc/protocol';
import { expect } from 'vitest';

/** What `toThrow` compares with: any DrcError of this code. */
export function refusal(code: ErrorCode): Error {
  const matcher: unknown = expect.objectContaining({ name: 'DrcError', code });
  return matcher as Error;
}

/** The code of the DrcError that ends the action, or `accepted`. Any other error goes on. */
export function outcomeOf(action: () => unknown): ErrorCode | 'accepted' {
  try {
    action();
    return 'accepted';
  } catch (error) {
    if (isDrcError(error)) return error.code;
    throw error;
  }
}

/** Those of the items that the action does not refuse with this code: none, where all is well. */
export const notRefused = <T>(code: ErrorCode, items: Iterable<T>, action: (item: T) => unknown): T[] =>
  [...items].filter((item) => outcomeOf(() => action(item)) !== code);
