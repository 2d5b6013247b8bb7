import { DrcError } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { next, type ConnectionEvent, type ConnectionState } from '../../client-sdk/src/connection-state.js';

const lost = new DrcError('CONNECTION_LOST', 'gone');
const states = {
  opening: { kind: 'opening' },
  greeting: { kind: 'greeting' },
  subscribing: { kind: 'subscribing', store: 's' },
  streaming: { kind: 'streaming', store: 's' },
  ended: { kind: 'ended', error: lost },
} as const satisfies { [K in ConnectionState['kind']]: Extract<ConnectionState, { kind: K }> };

const moment = { lsn: 0, time: 0 };
const log = { lineage: 'x', head: moment, oldest: moment, coversFrom: 0, setBeforeOldest: '' };
const message = (content: Extract<ConnectionEvent, { kind: 'message' }>['message']): ConnectionEvent => ({
  kind: 'message',
  message: content,
});
const events = {
  opened: { kind: 'opened' },
  welcome: message({ type: 'welcome', version: 1, store: 's', topic: 'shop', log }),
  foreignWelcome: message({ type: 'welcome', version: 1, store: 's', topic: 'depot', log }),
  strangeWelcome: message({ type: 'welcome', version: 99, store: 's', topic: 'shop', log }),
  subscribed: message({ type: 'subscribed', lineage: 'x', lsn: 1, set: '', grant: { tables: [] } }),
  described: message({ type: 'described', tables: [], last: true }),
  data: { kind: 'data' },
  caughtUp: message({ type: 'caughtUp', lsn: 1 }),
  falling: message({ type: 'falling', inMs: 1 }),
  renewed: message({ type: 'renewed', expiresAt: 1 }),
  error: message({ type: 'error', code: 'TICKET_EXPIRED', message: 'ran out', details: {} }),
  ended: { kind: 'ended', error: lost },
} as const satisfies Record<string, ConnectionEvent>;

const violation = 'PROTOCOL_VIOLATION';
const everywhere = { error: 'TICKET_EXPIRED', ended: 'CONNECTION_LOST' };
const refused = {
  opened: violation,
  welcome: violation,
  foreignWelcome: violation,
  strangeWelcome: violation,
  subscribed: violation,
  described: violation,
  data: violation,
  caughtUp: violation,
  falling: violation,
  renewed: violation,
  ...everywhere,
};

/** The kind of the state that follows; of a session that ends, the error's code. */
const table: Record<keyof typeof states, Record<keyof typeof events, string>> = {
  opening: { ...refused, opened: 'greeting' },
  greeting: {
    ...refused,
    welcome: 'subscribing',
    foreignWelcome: 'WRONG_STORE',
    strangeWelcome: 'PROTOCOL_VERSION',
  },
  subscribing: { ...refused, subscribed: 'streaming' },
  streaming: {
    ...refused,
    data: 'streaming',
    caughtUp: 'streaming',
    falling: 'streaming',
    renewed: 'streaming',
  },
  ended: Object.fromEntries(Object.keys(events).map((event) => [event, 'CONNECTION_LOST'])) as Record<
    keyof typeof events,
    string
  >,
};

describe('the state of a connection', () => {
  for (const [state, row] of Object.entries(table))
    for (const [event, expected] of Object.entries(row))
      it(`${state} becomes ${expected} on ${event}`, () => {
        const after = next(
          states[state as keyof typeof states],
          events[event as keyof typeof events],
          'shop',
        );
        expect(after.kind === 'ended' ? after.error.code : after.kind).toBe(expected);
      });
});
