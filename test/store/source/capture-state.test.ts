import { DrcError } from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backoffMs,
  next,
  type CaptureEvent,
  type CaptureState,
} from '../../../store/src/source/capture-state.js';

const error = new DrcError('SOURCE_LOST', 'x');
const states: Record<CaptureState['kind'], CaptureState> = {
  connecting: { kind: 'connecting', attempt: 3 },
  streaming: { kind: 'streaming', since: 1, attempt: 5 },
  waiting: { kind: 'waiting', attempt: 3, error, retryAt: 2 },
  stopped: { kind: 'stopped', error },
};
const events: Record<CaptureEvent['kind'], CaptureEvent> = {
  connected: { kind: 'connected', at: 7 },
  failed: { kind: 'failed', error, retryAt: 9, hasCaptured: false },
  retry: { kind: 'retry' },
  stop: { kind: 'stop', error },
};
const stopped: CaptureState = { kind: 'stopped', error };
const table: Record<CaptureState['kind'], Record<CaptureEvent['kind'], CaptureState>> = {
  connecting: {
    connected: { kind: 'streaming', since: 7, attempt: 3 },
    failed: { kind: 'waiting', attempt: 3, error, retryAt: 9 },
    retry: states.connecting,
    stop: stopped,
  },
  streaming: {
    connected: states.streaming,
    failed: { kind: 'waiting', attempt: 5, error, retryAt: 9 },
    retry: states.streaming,
    stop: stopped,
  },
  waiting: {
    connected: states.waiting,
    failed: states.waiting,
    retry: { kind: 'connecting', attempt: 4 },
    stop: stopped,
  },
  stopped: { connected: stopped, failed: stopped, retry: stopped, stop: stopped },
};

describe('the state of capture', () => {
  for (const [state, row] of Object.entries(table))
    for (const [event, expected] of Object.entries(row))
      it(`goes from ${state} to ${expected.kind} on ${event}`, () => {
        expect(next(states[state as CaptureState['kind']], events[event as CaptureEvent['kind']])).toEqual(
          expected,
        );
      });

  it('counts its attempts from one again once a connection gave a transaction', () => {
    expect(next(states.streaming, { kind: 'failed', error, retryAt: 9, hasCaptured: true })).toEqual({
      kind: 'waiting',
      attempt: 0,
      error,
      retryAt: 9,
    });
  });

  it('never pauses longer than half a minute, and less at first', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const pause = backoffMs(attempt, random);
        return pause >= 0 && pause <= Math.min(30_000, 100 * 2 ** Math.min(attempt, 12));
      }),
    );
  });
});
