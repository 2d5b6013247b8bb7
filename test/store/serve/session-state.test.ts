import { expect, test } from 'vitest';
import { next, type SessionEvent, type SessionState } from '../../../store/src/serve/session-state.js';

type StateKind = SessionState['kind'];
type EventKind = SessionEvent['kind'];

const states: Record<StateKind, SessionState> = {
  greeting: { kind: 'greeting' },
  agreed: { kind: 'agreed' },
  describing: { kind: 'describing' },
  seeking: { kind: 'seeking' },
  waiting: { kind: 'waiting' },
  replaying: { kind: 'replaying' },
  live: { kind: 'live' },
  draining: { kind: 'draining' },
  ended: { kind: 'ended', closeCode: 1008 },
};

const events: Record<EventKind, SessionEvent> = {
  hello: { kind: 'hello' },
  describe: { kind: 'describe' },
  described: { kind: 'described' },
  subscribe: { kind: 'subscribe' },
  credit: { kind: 'credit' },
  committed: { kind: 'committed' },
  renew: { kind: 'renew' },
  sought: { kind: 'sought', ahead: false },
  passed: { kind: 'passed' },
  behind: { kind: 'behind' },
  caughtUp: { kind: 'caughtUp' },
  drain: { kind: 'drain' },
  leave: { kind: 'leave' },
  drained: { kind: 'drained' },
  deadline: { kind: 'deadline' },
  expired: { kind: 'expired' },
  revoked: { kind: 'revoked' },
  failed: { kind: 'failed', closeCode: 1011, error: { code: 'LOG_CORRUPT', message: 'Damaged.' } },
  closed: { kind: 'closed' },
};

/** A state, or how the session ends: close code and error code. */
type Expected = StateKind | `${number}` | `${number} ${string}`;

const violation = '1008 PROTOCOL_VIOLATION';
const always = {
  drained: '1001',
  expired: '1008 TICKET_EXPIRED',
  revoked: '1008 TICKET_REVOKED',
  failed: '1011 LOG_CORRUPT',
  closed: '1006',
} as const;
/** What comes from the delivery has no meaning before there is one. */
const noDelivery = (state: StateKind) =>
  ({ passed: state, behind: state, caughtUp: state, leave: state, described: state }) as const;
const beforeStreaming = {
  credit: violation,
  committed: violation,
  describe: violation,
  drain: '1001',
  ...always,
} as const;
const streaming = (state: StateKind) =>
  ({
    hello: violation,
    describe: violation,
    described: state,
    subscribe: violation,
    credit: state,
    committed: state,
    renew: state,
    sought: state,
    drain: 'draining',
    leave: 'draining',
    deadline: state,
    ...always,
  }) as const;

const table: Record<StateKind, Record<EventKind, Expected>> = {
  greeting: {
    ...beforeStreaming,
    ...noDelivery('greeting'),
    hello: 'agreed',
    subscribe: violation,
    renew: violation,
    sought: 'greeting',
    deadline: violation,
  },
  agreed: {
    ...beforeStreaming,
    ...noDelivery('agreed'),
    hello: violation,
    describe: 'describing',
    subscribe: 'seeking',
    renew: 'agreed',
    sought: 'agreed',
    deadline: violation,
  },
  describing: {
    ...beforeStreaming,
    ...noDelivery('describing'),
    hello: violation,
    described: 'agreed',
    subscribe: violation,
    renew: 'describing',
    sought: 'describing',
    deadline: 'describing',
  },
  seeking: {
    ...beforeStreaming,
    ...noDelivery('seeking'),
    hello: violation,
    subscribe: violation,
    renew: 'seeking',
    sought: 'replaying',
    deadline: 'seeking',
  },
  waiting: { ...streaming('waiting'), passed: 'replaying', behind: 'waiting', caughtUp: 'waiting' },
  replaying: { ...streaming('replaying'), passed: 'replaying', behind: 'replaying', caughtUp: 'live' },
  live: { ...streaming('live'), passed: 'live', behind: 'replaying', caughtUp: 'live' },
  draining: { ...streaming('draining'), passed: 'draining', behind: 'draining', caughtUp: 'draining' },
  ended: Object.fromEntries(Object.keys(events).map((event) => [event, 'ended'])) as Record<
    EventKind,
    Expected
  >,
};

for (const [from, row] of Object.entries(table) as [StateKind, Record<EventKind, Expected>][]) {
  test(`a session that is ${from} answers every event as the table says`, () => {
    const found = Object.fromEntries(
      Object.keys(row).map((event) => {
        const state = next(states[from], events[event as EventKind]);
        if (state.kind !== 'ended' || from === 'ended') return [event, state.kind];
        return [event, [state.closeCode, state.error?.code].filter((part) => part !== undefined).join(' ')];
      }),
    );
    expect(found).toEqual(row);
  });
}

test('a checkpoint ahead of the log makes the session wait', () => {
  expect(next({ kind: 'seeking' }, { kind: 'sought', ahead: true })).toEqual({ kind: 'waiting' });
});

test('nothing changes how a session ended', () => {
  const ended = next({ kind: 'live' }, events.expired);
  for (const event of Object.values(events)) expect(next(ended, event)).toBe(ended);
});
