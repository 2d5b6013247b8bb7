import { DrcError, protocolVersions, type StoreMessage } from '@drc/protocol';

/** What one session with a store has come to. */
export type ConnectionState =
  /** The socket and the upgrade request are under way. */
  | { readonly kind: 'opening' }
  /** `hello` was sent. */
  | { readonly kind: 'greeting' }
  /** `subscribe` was sent. */
  | { readonly kind: 'subscribing'; readonly store: string }
  | { readonly kind: 'streaming'; readonly store: string }
  | { readonly kind: 'ended'; readonly error: DrcError };

export type ConnectionEvent =
  | { readonly kind: 'opened' }
  | { readonly kind: 'message'; readonly message: StoreMessage }
  | { readonly kind: 'data' }
  | { readonly kind: 'ended'; readonly error: DrcError };

/**
 *   opening ──opened──▶ greeting ──welcome──▶ subscribing ──subscribed──▶ streaming ⟲ data, caughtUp, falling, renewed
 *   any ──error, ended, or what does not belong there──▶ ended
 *
 * @param topic what the store must welcome us to: an address may by now belong to another store (`WRONG_STORE`)
 */
export function next(state: ConnectionState, event: ConnectionEvent, topic: string): ConnectionState {
  if (state.kind === 'ended') return state;
  switch (event.kind) {
    case 'ended':
      return { kind: 'ended', error: event.error };
    case 'opened':
      return state.kind === 'opening' ? { kind: 'greeting' } : unexpected('a second opening', state);
    case 'data':
      return state.kind === 'streaming' ? state : unexpected('data', state);
    case 'message':
      return afterMessage(state, event.message, topic);
  }
}

function afterMessage(
  state: Exclude<ConnectionState, { kind: 'ended' }>,
  message: StoreMessage,
  topic: string,
): ConnectionState {
  switch (message.type) {
    case 'error':
      return { kind: 'ended', error: new DrcError(message.code, message.message, message.details) };
    case 'welcome':
      if (state.kind !== 'greeting') return unexpected('welcome', state);
      if (message.topic !== topic)
        return ended('WRONG_STORE', `The store serves ${message.topic}, not ${topic}.`);
      if (!protocolVersions.includes(message.version))
        return ended(
          'PROTOCOL_VERSION',
          `The store speaks version ${message.version}, which was not offered.`,
        );
      return { kind: 'subscribing', store: message.store };
    case 'subscribed':
      return state.kind === 'subscribing'
        ? { kind: 'streaming', store: state.store }
        : unexpected('subscribed', state);
    case 'described':
      return unexpected('described', state);
    case 'caughtUp':
    case 'falling':
    case 'renewed':
      return state.kind === 'streaming' ? state : unexpected(message.type, state);
  }
}

const ended = (code: 'WRONG_STORE' | 'PROTOCOL_VERSION', message: string): ConnectionState => ({
  kind: 'ended',
  error: new DrcError(code, message),
});

const unexpected = (what: string, state: ConnectionState): ConnectionState => ({
  kind: 'ended',
  error: new DrcError('PROTOCOL_VIOLATION', `The store sent ${what} while ${state.kind}.`),
});
