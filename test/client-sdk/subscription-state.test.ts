import { DrcError } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import {
  next,
  type SubscriptionEvent,
  type SubscriptionStatus,
} from '../../client-sdk/src/subscription-state.js';

const error = new DrcError('CONNECTION_LOST', 'gone');
const states = {
  connecting: { kind: 'connecting', attempt: 2, since: 1 },
  streaming: { kind: 'streaming', store: 's', since: 1 },
  caughtUp: { kind: 'caughtUp', store: 's', since: 1 },
  disconnected: { kind: 'disconnected', error, attempt: 3, since: 1, retryAt: 9 },
  closed: { kind: 'closed', since: 1 },
} as const satisfies { [K in SubscriptionStatus['kind']]: Extract<SubscriptionStatus, { kind: K }> };
const events = {
  connect: { kind: 'connect', at: 5 },
  subscribed: { kind: 'subscribed', at: 5, store: 's' },
  caughtUp: { kind: 'caughtUp', at: 5 },
  fellBehind: { kind: 'fellBehind', at: 5 },
  lost: { kind: 'lost', at: 5, error, retryAt: 8 },
  close: { kind: 'close', at: 5 },
} as const satisfies { [K in SubscriptionEvent['kind']]: Extract<SubscriptionEvent, { kind: K }> };

const closed: SubscriptionStatus = { kind: 'closed', since: 5 };
const streaming: SubscriptionStatus = { kind: 'streaming', store: 's', since: 5 };
const lost = (attempt: number): SubscriptionStatus => ({
  kind: 'disconnected',
  error,
  attempt,
  since: 5,
  retryAt: 8,
});
const table: Record<keyof typeof states, Record<keyof typeof events, SubscriptionStatus | 'same'>> = {
  connecting: {
    connect: 'same',
    subscribed: streaming,
    caughtUp: 'same',
    fellBehind: 'same',
    lost: lost(3),
    close: closed,
  },
  streaming: {
    connect: 'same',
    subscribed: 'same',
    caughtUp: { kind: 'caughtUp', store: 's', since: 5 },
    fellBehind: 'same',
    lost: lost(1),
    close: closed,
  },
  caughtUp: {
    connect: 'same',
    subscribed: 'same',
    caughtUp: 'same',
    fellBehind: streaming,
    lost: lost(1),
    close: closed,
  },
  disconnected: {
    connect: { kind: 'connecting', attempt: 3, since: 5, lastError: error },
    subscribed: 'same',
    caughtUp: 'same',
    fellBehind: 'same',
    lost: 'same',
    close: closed,
  },
  closed: {
    connect: 'same',
    subscribed: 'same',
    caughtUp: 'same',
    fellBehind: 'same',
    lost: 'same',
    close: 'same',
  },
};

describe('the state of a subscription', () => {
  for (const [from, row] of Object.entries(table))
    for (const [event, expected] of Object.entries(row)) {
      const to = expected === 'same' ? 'what it is' : expected.kind;
      it(`${from} becomes ${to} on ${event}`, () => {
        const state = states[from as keyof typeof states];
        expect(next(state, events[event as keyof typeof events])).toEqual(
          expected === 'same' ? state : expected,
        );
      });
    }

  it('keeps the error that it was closed by', () => {
    expect(next(states.streaming, { kind: 'close', at: 5, error })).toEqual({ ...closed, error });
  });
});

it('a checkpoint ahead of the log is seen until the log has been read', () => {
  const ahead = next(states.connecting, { ...events.subscribed, ahead: true });
  expect(ahead).toEqual({ ...streaming, ahead: true });
  expect(next(ahead, events.caughtUp)).toEqual({ kind: 'caughtUp', store: 's', since: 5 });
  expect(next(states.connecting, { ...events.subscribed, ahead: false })).toEqual(streaming);
});
