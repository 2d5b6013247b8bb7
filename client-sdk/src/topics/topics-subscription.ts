import type { AnyTables } from '../change.js';
import type { SubscriptionStatus } from '../subscription-state.js';
import type { Transaction } from '../transaction.js';
import type { TopicsCheckpoint } from './topics-checkpoint.js';

/**
 * The transactions of several topics, one logical database over several sources: in order per topic, and in turn among those
 * that have some. A topic that is quiet or away holds no other up. What cannot be retried in one of them ends all, as a
 * `DrcError` with its name in `details.topic`.
 *
 * Iterated once: `break` closes it, and a second iterator throws `SUBSCRIPTION_BUSY`.
 */
export interface TopicsSubscription<S = AnyTables> extends AsyncIterable<Transaction<S>>, AsyncDisposable {
  readonly topics: readonly string[];
  /** Done with its topic up to and including this transaction (`tx.topic`); else as `Subscription.commit`. */
  commit(transaction: Transaction<S>): Promise<void>;
  /** What the loop is done with, of each topic whose place is known; undefined while none is. */
  readonly checkpoint: TopicsCheckpoint | undefined;
  status(): TopicsStatus;
  /** Ends the loop quietly. Closing twice is fine. @throws DrcError `CHECKPOINT_STORE` where `hubCheckpoints` could not save the last ones. */
  close(): Promise<void>;
}

export interface TopicsStatus {
  /** Of the topics: the one that is furthest from having all. */
  readonly kind: SubscriptionStatus['kind'];
  /** Each topic by name, in the order of the subscription. */
  readonly topics: ReadonlyMap<string, SubscriptionStatus>;
}
