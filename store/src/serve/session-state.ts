import type { ErrorCode } from '@drc/protocol';

/*
 *   agreed ──describe──▶ describing ──described──▶ agreed
 *
 *   greeting ──hello──▶ agreed ──subscribe──▶ seeking ──sought──▶ waiting ──passed──▶ replaying ◀──behind/caughtUp──▶ live
 *                                                │                                   ▲
 *                                                └────────────sought─────────────────┘
 *   waiting, replaying, live ──drain, leave──▶ draining ──drained──▶ ended
 *   any other ──drain, failed, expired, revoked, closed, a message out of turn, (greeting, agreed) deadline──▶ ended
 */

/** Why a session ended: `code` is the WebSocket close code; `error` stands where the client is told one. */
export interface SessionEnd {
  readonly closeCode: number;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

export type SessionState =
  /** The connection is open; nothing but a greeting is read. */
  | { readonly kind: 'greeting' }
  /** Versions agree; the client may subscribe. */
  | { readonly kind: 'agreed' }
  /** The client is told what tables look like. */
  | { readonly kind: 'describing' }
  /** The place of the wanted moment is being looked for. */
  | { readonly kind: 'seeking' }
  /** The client's checkpoint is ahead of the log: it has transactions that this store has yet to capture. */
  | { readonly kind: 'waiting' }
  /** History: the reader is behind the head. */
  | { readonly kind: 'replaying' }
  /** The reader has been sent all that the log holds. */
  | { readonly kind: 'live' }
  /** The store stops, or another takes over: the burst or the transaction under way is finished, then the session ends. */
  | { readonly kind: 'draining' }
  | ({ readonly kind: 'ended' } & SessionEnd);

export type SessionEvent =
  | { readonly kind: 'hello' }
  | { readonly kind: 'describe' }
  /** All pages are sent. */
  | { readonly kind: 'described' }
  | { readonly kind: 'subscribe' }
  | { readonly kind: 'credit' }
  | { readonly kind: 'committed' }
  | { readonly kind: 'renew' }
  /** The place was found. `ahead`: the checkpoint has transactions that the log has not. */
  | { readonly kind: 'sought'; readonly ahead: boolean }
  /** The log has come to all that the checkpoint has. */
  | { readonly kind: 'passed' }
  | { readonly kind: 'behind' }
  | { readonly kind: 'caughtUp' }
  | { readonly kind: 'drain' }
  /** Another store is to take over, where data may be under way; before, there is nothing to take over yet. */
  | { readonly kind: 'leave' }
  | { readonly kind: 'drained' }
  /** The client took too long to greet or to subscribe. */
  | { readonly kind: 'deadline' }
  /** The ticket ran out. */
  | { readonly kind: 'expired' }
  /** The ticket was taken back. */
  | { readonly kind: 'revoked' }
  | ({ readonly kind: 'failed' } & SessionEnd)
  /** The connection is gone. */
  | { readonly kind: 'closed' };

/** Close codes of RFC 6455, section 7.4.1. */
export const CloseCode = {
  goingAway: 1001,
  unsupportedData: 1003,
  invalidPayload: 1007,
  policyViolation: 1008,
  internalError: 1011,
} as const;

const abnormal = 1006;

/** The state after an event; a message out of turn ends the session. Nothing leaves `ended`. */
export function next(state: SessionState, event: SessionEvent): SessionState {
  if (state.kind === 'ended') return state;
  switch (event.kind) {
    case 'hello':
      return state.kind === 'greeting' ? { kind: 'agreed' } : outOfTurn(event.kind);
    case 'describe':
      return state.kind === 'agreed' ? { kind: 'describing' } : outOfTurn(event.kind);
    case 'described':
      return state.kind === 'describing' ? { kind: 'agreed' } : state;
    case 'subscribe':
      return state.kind === 'agreed' ? { kind: 'seeking' } : outOfTurn(event.kind);
    case 'credit':
    case 'committed':
      return isStreaming(state) ? state : outOfTurn(event.kind);
    case 'renew':
      return state.kind === 'greeting' ? outOfTurn(event.kind) : state;
    case 'sought':
      return state.kind === 'seeking' ? { kind: event.ahead ? 'waiting' : 'replaying' } : state;
    case 'passed':
      return state.kind === 'waiting' ? { kind: 'replaying' } : state;
    case 'behind':
      return state.kind === 'live' ? { kind: 'replaying' } : state;
    case 'caughtUp':
      return state.kind === 'replaying' ? { kind: 'live' } : state;
    case 'drain':
      return isStreaming(state) ? { kind: 'draining' } : ended(CloseCode.goingAway);
    case 'leave':
      return isStreaming(state) ? { kind: 'draining' } : state;
    case 'drained':
      return ended(CloseCode.goingAway);
    case 'deadline':
      return state.kind === 'greeting' || state.kind === 'agreed'
        ? ended(CloseCode.policyViolation, 'PROTOCOL_VIOLATION', 'No greeting and subscription came in time.')
        : state;
    case 'expired':
      return ended(CloseCode.policyViolation, 'TICKET_EXPIRED', 'The ticket ran out.');
    case 'revoked':
      return ended(CloseCode.policyViolation, 'TICKET_REVOKED', 'The ticket was taken back.');
    case 'failed': {
      const { kind: _, ...end } = event;
      return { kind: 'ended', ...end };
    }
    case 'closed':
      return ended(abnormal);
  }
}

/** Whether data may be under way to the client. */
export const isStreaming = (state: SessionState): boolean =>
  state.kind === 'waiting' ||
  state.kind === 'replaying' ||
  state.kind === 'live' ||
  state.kind === 'draining';

const ended = (closeCode: number, code?: ErrorCode, message = ''): SessionState =>
  code === undefined ? { kind: 'ended', closeCode } : { kind: 'ended', closeCode, error: { code, message } };

const outOfTurn = (what: string): SessionState =>
  ended(CloseCode.policyViolation, 'PROTOCOL_VIOLATION', `A ${what} message came out of turn.`);

/** Refusals are the client's to mend, 1008; the rest is ours, 1011. */
export function closeCodeOf(code: ErrorCode): number {
  if (code === 'STORE_DRAINING') return CloseCode.goingAway;
  return code === 'INTERNAL' || code === 'CLOSED' || code.startsWith('LOG_')
    ? CloseCode.internalError
    : CloseCode.policyViolation;
}
