import { Checkpoint, DrcError, isTransactionId, TransactionSet, type StartFrom } from '@drc/protocol';
import type { StoreAnnouncement } from './store-directory.js';

export type Placement =
  /** Those that have the wanted moment, best first; at least one. */
  | { readonly kind: 'stores'; readonly stores: readonly StoreAnnouncement[] }
  /** There are stores, but none goes back that far. `oldest`: the oldest moment (ms) that one of them covers. */
  | { readonly kind: 'expired'; readonly oldest: number }
  /** No store of the topic is alive. */
  | { readonly kind: 'unavailable' };

/**
 * Which of the stores of one topic have the wanted moment, in the order in which a client should try them.
 *
 * A store covers a timestamp that is not before its `coversFrom`; a transaction that its log has not lost; a checkpoint that holds all that its log no longer
 * has; `latest` always. `earliest` is wherever the log goes back farthest: a younger store would begin at another
 * moment, without a word.
 */
export function place(stores: readonly StoreAnnouncement[], from: StartFrom): Placement {
  if (stores.length === 0) return { kind: 'unavailable' };
  const farthest = Math.min(...stores.map((store) => store.extent.coversFrom));
  const covering = stores.filter(coverage(from, farthest));
  if (covering.length === 0) return { kind: 'expired', oldest: farthest };
  const newestHead = Math.max(...covering.map((store) => store.extent.head.time));
  return {
    kind: 'stores',
    stores: covering.sort((a, b) => {
      return (
        Number(isHealthy(b)) - Number(isHealthy(a)) ||
        secondsBehind(a, newestHead) - secondsBehind(b, newestHead) ||
        (a.id < b.id ? -1 : 1)
      );
    }),
  };
}

/**
 * `earliest`, `latest`, `timestamp:<ms since 1970>`, `transaction:<id>` or `checkpoint:<text>`. `REQUEST_INVALID` where
 * it is none of these, `CHECKPOINT_INVALID` for a checkpoint that cannot be read or is another topic's.
 */
export function parseFrom(text: string, topic: string): StartFrom {
  if (text === 'earliest' || text === 'latest') return { kind: text };
  const timestamp = /^timestamp:(\d{1,15})$/.exec(text);
  if (timestamp !== null) return { kind: 'timestamp', time: Number(timestamp[1]) };
  const id = text.startsWith('transaction:') ? text.slice('transaction:'.length) : undefined;
  if (id !== undefined && isTransactionId(id)) return { kind: 'transaction', id };
  if (text.startsWith('checkpoint:')) {
    const checkpoint = text.slice('checkpoint:'.length);
    if (Checkpoint.parse(checkpoint).topic !== topic) {
      throw new DrcError('CHECKPOINT_INVALID', `The checkpoint is not one of the topic ${topic}.`, { topic });
    }
    return { kind: 'checkpoint', checkpoint };
  }
  throw new DrcError(
    'REQUEST_INVALID',
    'from must be earliest, latest, timestamp:<ms since 1970>, transaction:<id> or checkpoint:<text>.',
  );
}

function coverage(from: StartFrom, farthest: number): (store: StoreAnnouncement) => boolean {
  switch (from.kind) {
    case 'latest':
      return () => true;
    case 'earliest':
      return ({ extent }) => extent.coversFrom === farthest;
    case 'timestamp':
      return ({ extent }) => extent.coversFrom <= from.time;
    case 'transaction':
      return ({ extent }) => !TransactionSet.parse(extent.setBeforeOldest).covers(from.id);
    case 'checkpoint': {
      const { set } = Checkpoint.parse(from.checkpoint);
      return ({ extent }) => TransactionSet.parse(extent.setBeforeOldest).isSubsetOf(set);
    }
  }
}

/** A store that does not capture right now still serves what it has, but others come first. */
const isHealthy = (store: StoreAnnouncement): boolean => store.captureState === 'streaming';

/** Whole seconds behind the newest head. Announcements are not made at the same moment, so less means nothing. */
const secondsBehind = (store: StoreAnnouncement, newestHead: number): number =>
  Math.floor((newestHead - store.extent.head.time) / 1000);
