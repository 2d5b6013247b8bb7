import { decodeGap, DrcError, partsOf, type Gap } from '@drc/protocol';
import type { Filter } from './filter.js';
import type { StoredChunk } from './readable-log.js';

/** What a transaction that was left out of the log is to one reader. `refused`: its stream ends in front of it. */
export type GapVerdict =
  | { readonly kind: 'unconcerned' }
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'refused'; readonly error: DrcError };

/** Stands for all tables, where any may be concerned. */
const anyTable = '*';
/** So many tables are told; the message has to fit a frame. */
const mostTables = 100;

/**
 * @param chunk the only one of its transaction, with the GAP as its only part
 * @param acknowledged ids as `canonicalTransactionId` gives them
 * @throws DrcError `PROTOCOL_VIOLATION` where it is malformed
 */
export function judgeGap(
  { bytes, partsAt }: Pick<StoredChunk, 'bytes' | 'partsAt'>,
  filter: Filter,
  acknowledged: ReadonlySet<string>,
): GapVerdict {
  const [part] = partsOf(bytes, partsAt);
  const gap = decodeGap(bytes.subarray(part!.bodyAt, part!.end));
  const tables = filter.gap(gap.tables);
  if (tables === undefined) return { kind: 'unconcerned' };
  return acknowledged.has(gap.transaction)
    ? { kind: 'acknowledged' }
    : { kind: 'refused', error: gapError(gap, tables) };
}

/** @param tables those that the reader reads: of no other it learns the name */
function gapError(gap: Gap, tables: readonly string[]): DrcError {
  const { transaction, reason, by, at, from, to, code } = gap;
  const told = tables.length === 0 ? [anyTable] : tables.slice(0, mostTables);
  const names = tables.length === 0 ? 'any table' : told.join(', ');
  const more = tables.length > told.length ? ` and ${tables.length - told.length} more` : '';
  return new DrcError(
    'GAP',
    `Transaction ${transaction}, with changes of ${names}${more}, was left out: ${reason}`,
    { transaction, tables: told, reason, by, at: new Date(at).toISOString(), from, to, cause: code },
  );
}
