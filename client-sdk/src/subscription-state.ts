import type { DrcError, SnapshotProgress } from '@drc/protocol';
import type { CopiedRows } from './transaction.js';

/** What a subscription is doing. Times are ms since 1970. */
export type SubscriptionStatus = SubscriptionState & {
  /**
   * Since when the checkpoint that `hubCheckpoints` has saved is behind what was committed, because no manager takes it.
   * Absent: it is not, or by a second at most.
   */
  readonly checkpointBehindSince?: number;
  /**
   * The reader is about to fall off the log: what it needs next is kept for about so many ms more, then it is
   * `RETENTION_EXPIRED`. Present where that is under a tenth of what the log keeps, and under an hour.
   */
  readonly fallsOffInMs?: number;
  /**
   * Globs of `tables` that matched no table which the topic had, and the reader may read, when its session began: a slip of the pen, or
   * a table that is yet to come. Absent: each matched one.
   */
  readonly unmatched?: readonly string[];
  /** How far the copy of tables has come. Absent: none were to be copied, or it is not known yet which. */
  readonly snapshot?: SnapshotStatus;
};

/** How far the copy of tables has come. */
export interface SnapshotStatus {
  /** By table: `pending`, `done`, or the place in it. */
  readonly progress: SnapshotProgress;
  /** The rows that came last; undefined before the first, and once all tables are done. */
  readonly copying: CopiedRows | undefined;
}

export type SubscriptionState =
  /** Looking for a store and opening a session; `lastError` is why the last attempt or session ended. */
  | {
      readonly kind: 'connecting';
      readonly attempt: number;
      readonly since: number;
      readonly lastError?: DrcError;
    }
  /** Transactions arrive that the store had in its log. */
  | {
      readonly kind: 'streaming';
      readonly store: string;
      readonly since: number;
      /**
       * Present where the checkpoint was ahead of the store's log: nothing that it covers arrives, until the log is beyond
       * it. A store that is behind another gets there; a source that has begun anew makes it a loss.
       */
      readonly ahead?: true;
    }
  /** All that the store's log held has been read; new transactions arrive as they are committed. */
  | { readonly kind: 'caughtUp'; readonly store: string; readonly since: number }
  /** The next attempt begins at `retryAt`. */
  | {
      readonly kind: 'disconnected';
      readonly error: DrcError;
      readonly attempt: number;
      readonly since: number;
      readonly retryAt: number;
    }
  /** Over: by `close()` or `break`, or by `error`. */
  | { readonly kind: 'closed'; readonly since: number; readonly error?: Error };

export type SubscriptionEvent =
  | { readonly kind: 'connect'; readonly at: number }
  | { readonly kind: 'subscribed'; readonly at: number; readonly store: string; readonly ahead?: boolean }
  | { readonly kind: 'caughtUp'; readonly at: number }
  /** It is the reader that the stream waits for. */
  | { readonly kind: 'fellBehind'; readonly at: number }
  | { readonly kind: 'lost'; readonly at: number; readonly error: DrcError; readonly retryAt: number }
  | { readonly kind: 'close'; readonly at: number; readonly error?: Error };

/**
 *   connecting ──subscribed──▶ streaming ◀──fellBehind── ──caughtUp──▶ caughtUp
 *     ▲   │ lost                  │ lost                                  │ lost
 *     │   ▼                       ▼                                       │
 *     └─connect── disconnected ◀──────────────────────────────────────────┘          any ──close──▶ closed
 *
 * What has no arrow changes nothing: messages of a session that was lost may still be on their way.
 */
export function next(state: SubscriptionState, event: SubscriptionEvent): SubscriptionState {
  const since = event.at;
  if (state.kind === 'closed') return state;
  switch (event.kind) {
    case 'connect':
      if (state.kind !== 'disconnected') return state;
      return { kind: 'connecting', attempt: state.attempt, since, lastError: state.error };
    case 'subscribed':
      if (state.kind !== 'connecting') return state;
      return {
        kind: 'streaming',
        store: event.store,
        since,
        ...(event.ahead === true ? { ahead: true } : {}),
      };
    case 'caughtUp':
      return state.kind === 'streaming' ? { kind: 'caughtUp', store: state.store, since } : state;
    case 'fellBehind':
      return state.kind === 'caughtUp' ? { kind: 'streaming', store: state.store, since } : state;
    case 'lost': {
      if (state.kind === 'disconnected') return state;
      const attempt = state.kind === 'connecting' ? state.attempt + 1 : 1;
      return { kind: 'disconnected', error: event.error, attempt, since, retryAt: event.retryAt };
    }
    case 'close':
      return event.error === undefined
        ? { kind: 'closed', since }
        : { kind: 'closed', since, error: event.error };
  }
}
