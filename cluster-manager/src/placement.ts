import { createHash } from 'node:crypto';
import { Checkpoint, DrcError, isTransactionId, TransactionSet, type StartFrom } from '@drc/protocol';
import type { AliveStore, StoreAnnouncement } from './store-directory.js';

export type Placement =
  /** Those that have the wanted moment, best first; at least one. */
  | { readonly kind: 'stores'; readonly stores: readonly AliveStore[] }
  /** There are stores, but none goes back that far. `oldest`: the oldest moment (ms) that one of them covers. */
  | { readonly kind: 'expired'; readonly oldest: number }
  /** No store of the topic is alive. */
  | { readonly kind: 'unavailable' };

/** A store that is so far behind the topic's newest head comes after those that are not, ms. */
const muchBehindMs = 10_000;
/** A store is full from this share of its sessions, and of one core, on. */
const fullShare = 0.9;

/**
 * Which of the stores of one topic have the wanted moment, in the order in which a client should try them.
 *
 * A store covers a timestamp that is not before its `coversFrom`; a transaction that its log has not lost; a checkpoint that holds all that its log no longer
 * has; `latest` always. `earliest` is wherever the log goes back farthest: a younger store would begin at another
 * moment, without a word.
 *
 * Among stores that are equally fit, the order is each reader's own, by rendezvous hashing: readers spread evenly, one comes
 * back to where it was, and a store that comes or goes moves no other readers than its own.
 *
 * @param reader who asks: a principal and the name of its subscription, or any text that tells readers apart
 */
export function place(stores: readonly StoreAnnouncement[], from: StartFrom, reader: string = ''): Placement {
  if (stores.length === 0) return { kind: 'unavailable' };
  const farthest = Math.min(...stores.map((store) => store.extent.coversFrom));
  const covering = stores.filter(coverage(from, farthest));
  if (covering.length === 0) return { kind: 'expired', oldest: farthest };
  const ranked = covering.map((store) => ({
    store,
    fitness: fitnessOf(store),
    score: rendezvousScore(reader, store.id),
  }));
  ranked.sort(
    (a, b) =>
      a.fitness - b.fitness ||
      (a.fitness === Fitness.behind ? behindMs(a.store) - behindMs(b.store) : 0) ||
      b.score - a.score ||
      (a.store.id < b.store.id ? -1 : 1),
  );
  return { kind: 'stores', stores: ranked.map(({ store }) => store) };
}

/** Stores of the same topic that readers of a store that is being drained can go to. */
export function successorsOf(stores: readonly AliveStore[], id: string): readonly AliveStore[] {
  return stores.filter((store) => store.id !== id && fitnessOf(store) <= Fitness.full);
}

/** The best first. A store that does not capture right now still serves what it has, but others come first. */
const Fitness = { good: 0, full: 1, behind: 2, notCapturing: 3, draining: 4 } as const;

function fitnessOf(store: AliveStore): number {
  if (store.draining === true) return Fitness.draining;
  if (store.captureState !== 'streaming') return Fitness.notCapturing;
  if (behindMs(store) >= muchBehindMs) return Fitness.behind;
  return isFull(store) ? Fitness.full : Fitness.good;
}

const isFull = ({ load }: StoreAnnouncement): boolean =>
  load !== undefined && (load.sessions >= load.maxSessions * fullShare || load.cpu >= fullShare);

/** Highest-random-weight hashing: the same for one reader and one store, whatever other stores there are. */
function rendezvousScore(reader: string, id: string): number {
  return createHash('sha256').update(`${reader}\n${id}`).digest().readUIntBE(0, 6);
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

const behindMs = ({ behindMs: ms = 0 }: AliveStore): number => ms;
