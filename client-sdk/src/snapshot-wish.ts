import { Checkpoint, type StartFrom } from '@drc/protocol';
import type { SubscribeOptions } from './subscribe-options.js';

/** Which tables a subscription wants copied: `first` where it has no checkpoint yet, `added` in any case. */
export interface SnapshotWish {
  readonly first: readonly string[];
  readonly added: readonly string[];
}

const everything = ['*.*'];

/** Undefined where the subscription wants none. */
export function snapshotWishOf({ from, tables, snapshot }: SubscribeOptions): SnapshotWish | undefined {
  const added = snapshot?.tables ?? [];
  const first = from === 'snapshot' ? (snapshot?.tables ?? tables ?? everything) : added;
  return first.length === 0 ? undefined : { first, added };
}

/**
 * What a session that begins there is to ask for; undefined where there is nothing left to copy. What a checkpoint has begun, it also ends;
 * once a copy was planned, only tables that are named in full join it.
 */
export function wantedIn(wish: SnapshotWish | undefined, from: StartFrom): readonly string[] | undefined {
  if (from.kind !== 'checkpoint') return wish?.first;
  const { snapshot } = Checkpoint.parse(from.checkpoint);
  const added = wish?.added ?? [];
  // It was kept before the store had said which tables there are.
  if (snapshot?.isPlanned === false) return wish?.first;
  if (snapshot === undefined) return added.length === 0 ? undefined : added;
  const joining = added.filter((table) => !isGlob(table) && snapshot.of(table) === undefined);
  return snapshot.isComplete && joining.length === 0 ? undefined : joining;
}

const isGlob = (table: string): boolean => /[*?[\]{}\\]/.test(table);
