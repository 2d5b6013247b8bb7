import { parseExpression } from '@drc/protocol';
import { globMatcher } from './table-patterns.js';

/** A test of a column's name, which both servers compare without regard to case. Names or globs. */
export function columnMatcher(patterns: readonly string[]): (name: string) => boolean {
  const matchers = patterns.map((pattern) => globMatcher(pattern.toLowerCase()));
  return (name) => {
    const folded = name.toLowerCase();
    return matchers.some((matches) => matches(folded));
  };
}

/** The columns that a condition names, as it writes them. @throws DrcError `CONDITION_INVALID`, with the place in the text */
export function columnsNamed(condition: string): readonly string[] {
  const names = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null || Buffer.isBuffer(node)) return;
    const { kind, name } = node as { readonly kind?: unknown; readonly name?: unknown };
    if (kind === 'column' && typeof name === 'string') names.add(name);
    for (const child of Object.values(node)) visit(child);
  };
  visit(parseExpression(condition));
  return [...names];
}
