import {
  canonicalTransactionId,
  Checkpoint,
  DrcError,
  isDrcError,
  type Grant,
  type Subscribe,
  type TransactionSet,
} from '@drc/protocol';
import type { Ticket } from './authorize.js';
import { Filter, type Wish } from './filter.js';
import type { SessionEnvironment } from './session-environment.js';

/** Where a subscription begins, and what is in force. */
export interface StreamBeginning {
  readonly filter: Filter;
  /** The first lsn to look at, and the executed set just before it. */
  readonly start: { readonly lsn: number; readonly set: TransactionSet };
  /** What the client says it has; undefined where it begins elsewhere. */
  readonly checkpoint: Checkpoint | undefined;
  /** Whether the checkpoint has transactions that the log has not. */
  readonly ahead: boolean;
  /** What the client has when the stream begins. */
  readonly set: TransactionSet;
  readonly acknowledgedGaps: ReadonlySet<string>;
  /** Globs that match no table so far. */
  readonly unmatched: readonly string[];
}

/** Each costs a look at the names of all tables; of more than this nobody says whether they match. */
const maxGlobsTried = 20;

export const wishOf = ({ tables, operations, rules, partition, origins }: Subscribe): Wish => ({
  tables,
  operations,
  rules,
  partition,
  origins,
});

/** @throws DrcError where the new ticket is another principal's, `FORBIDDEN`, or has another grant, `GRANT_CHANGED`. */
export function mustRenew(old: Ticket, renewed: Ticket, wish: Wish, hashKey: Buffer | undefined): void {
  if (renewed.principal !== old.principal)
    throw new DrcError('FORBIDDEN', 'The new ticket is another principal’s.');
  if (accessTextOf(wish, renewed.grant, hashKey) !== accessTextOf(wish, old.grant, hashKey))
    throw new DrcError('GRANT_CHANGED', 'The new ticket has another grant.');
}

/** What a wish comes to under a grant; undefined where it is not allowed. */
function accessTextOf(wish: Wish, grant: Grant, hashKey: Buffer | undefined): string | undefined {
  try {
    return new Filter(wish, grant, hashKey).accessText;
  } catch (error) {
    if (isDrcError(error)) return undefined;
    throw error;
  }
}

/**
 * Looks up all that a subscription names.
 * @throws DrcError `FORBIDDEN`, `TABLE_UNKNOWN`, `CONDITION_INVALID`, `CHECKPOINT_INVALID`, and what the log's `seek` throws
 */
export async function findBeginning(
  { topic, log, hasTable, someTable, limits, columnHashKey }: SessionEnvironment,
  { grant }: Ticket,
  message: Subscribe,
): Promise<StreamBeginning> {
  const { from, acknowledgeGaps = [] } = message;
  const filter = new Filter(wishOf(message), grant, columnHashKey);
  const acknowledgedGaps = new Set(acknowledgeGaps.map(canonicalTransactionId));
  for (const table of filter.namedTables) {
    if (!(await hasTable(table))) {
      throw new DrcError('TABLE_UNKNOWN', `The topic has no table ${table}.`, { table });
    }
  }
  const unmatched = await unmatchedOf(filter, someTable);
  const checkpoint = from.kind === 'checkpoint' ? parsedCheckpoint(from.checkpoint, topic) : undefined;
  const sought = await log.seek(from, limits.seekMarginMs);
  // For a checkpoint the log answers with what the client has; what is counted on from here is what the log has.
  const executed = checkpoint === undefined ? sought.set : await log.executedBefore(sought.lsn);
  const ahead =
    checkpoint !== undefined && !checkpoint.set.isSubsetOf(await log.executedBefore(log.head.value.lsn + 1));
  return {
    filter,
    start: { lsn: sought.lsn, set: executed },
    checkpoint,
    ahead,
    set: checkpoint === undefined ? executed : checkpoint.set.union(executed),
    acknowledgedGaps,
    unmatched,
  };
}

async function unmatchedOf(
  filter: Filter,
  someTable: SessionEnvironment['someTable'],
): Promise<readonly string[]> {
  const unmatched: string[] = [];
  for (const { text, matches } of filter.globs.slice(0, maxGlobsTried))
    if (!(await someTable(matches))) unmatched.push(text);
  return unmatched;
}

function parsedCheckpoint(text: string, topic: string): Checkpoint {
  const checkpoint = Checkpoint.parse(text);
  if (checkpoint.topic === topic) return checkpoint;
  throw new DrcError('CHECKPOINT_INVALID', `The checkpoint is of topic ${checkpoint.topic}, not ${topic}.`);
}
