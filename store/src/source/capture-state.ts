import type { DrcError } from '@drc/protocol';

/*
 *                  connected
 *   connecting ───────────────▶ streaming
 *     ▲    │ failed               │ failed
 *     │    ▼                      ▼
 *     └─ waiting ◀────────────────┘        stopped: from each of the three, by `stop`; nothing leads out of it
 *    retry
 */
export type CaptureState =
  | {
      readonly kind: 'connecting';
      /** 1, 2, 3 … since a connection last gave a transaction. */ readonly attempt: number;
    }
  | { readonly kind: 'streaming'; /** ms since 1970 */ readonly since: number; readonly attempt: number }
  | {
      readonly kind: 'waiting';
      readonly attempt: number;
      readonly error: DrcError;
      /** ms since 1970 */
      readonly retryAt: number;
    }
  | { readonly kind: 'stopped'; /** Absent where it was closed. */ readonly error?: DrcError };

export type CaptureEvent =
  | { readonly kind: 'connected'; readonly at: number }
  /** `hasCaptured`: whether the connection gave a transaction. */
  | {
      readonly kind: 'failed';
      readonly error: DrcError;
      readonly retryAt: number;
      readonly hasCaptured: boolean;
    }
  | { readonly kind: 'retry' }
  | { readonly kind: 'stop'; readonly error?: DrcError };

export const initialCaptureState: CaptureState = { kind: 'connecting', attempt: 1 };

/** The state after an event. What has no meaning in a state leaves it as it is. */
export function next(state: CaptureState, event: CaptureEvent): CaptureState {
  if (state.kind === 'stopped') return state;
  switch (event.kind) {
    case 'connected':
      return state.kind === 'connecting'
        ? { kind: 'streaming', since: event.at, attempt: state.attempt }
        : state;
    case 'failed':
      if (state.kind === 'waiting') return state;
      return {
        kind: 'waiting',
        attempt: event.hasCaptured ? 0 : state.attempt,
        error: event.error,
        retryAt: event.retryAt,
      };
    case 'retry':
      return state.kind === 'waiting' ? { kind: 'connecting', attempt: state.attempt + 1 } : state;
    case 'stop':
      return { kind: 'stopped', ...(event.error === undefined ? {} : { error: event.error }) };
  }
}

/** Full jitter over an exponential ceiling: many stores do not come back to a source at one moment. */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(30_000, 100 * 2 ** Math.min(attempt, 12));
  return Math.round(ceiling * random);
}
