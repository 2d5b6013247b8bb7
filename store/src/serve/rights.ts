import { DrcError, type Grant } from '@drc/protocol';
import { TablePatterns } from './table-patterns.js';

/** What a grant gives beside reading, each by its own name. */
export type Right = 'backfill' | 'snapshot';

const refusals: Record<Right, string> = {
  backfill: 'What lies before the log may not be read: the right backfill is missing.',
  snapshot: 'Tables may not be copied: the right snapshot is missing.',
};

/** @throws DrcError `FORBIDDEN` unless each rule that may be of a wanted table has the right. */
export function mustHaveRight({ rules }: Grant, right: Right, tables: readonly string[]): void {
  const wanted = new TablePatterns(tables);
  const areNamed = tables.length > 0 && wanted.names.length === wanted.texts.length;
  const concerned = areNamed
    ? rules.filter((rule) => {
        const readable = new TablePatterns(rule.tables);
        return wanted.names.some((name) => readable.all || readable.matches(name));
      })
    : rules;
  if (concerned.length > 0 && concerned.every((rule) => rule[right] === true)) return;
  throw new DrcError('FORBIDDEN', refusals[right], { right });
}
