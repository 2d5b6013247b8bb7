import type { SqlToken } from './sql-tokens.js';

/** `password "x"`, `password=x`; `user:password@host` of a URL. */
const inText = /\bpassword\b\s*["'=:]|:\/\/[^/\s]*:[^/\s]*@/i;

/**
 * Whether a statement may hold a password in clear: options of tables that stand for those of another server (CONNECTION of
 * FEDERATED, COMMENT of SPIDER), account statements within routines, events and triggers. A column called password does not make it one.
 */
export function mayHoldPassword(tokens: readonly SqlToken[]): boolean {
  return tokens.some(({ kind, text, upper }, index) => {
    if (kind === 'string') return inText.test(text);
    if (kind !== 'word') return false;
    const next = tokens[index + 1];
    if (upper === 'IDENTIFIED') return ['BY', 'WITH', 'VIA'].includes(next?.upper ?? '');
    if (upper === 'SET') return next?.kind === 'word' && next.upper === 'PASSWORD';
    if (upper !== 'CONNECTION' && upper !== 'PASSWORD') return false;
    return next?.kind === 'string' || next?.text === '=' || (upper === 'PASSWORD' && next?.text === '(');
  });
}
