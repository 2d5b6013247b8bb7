import type { SessionLimits } from './session-environment.js';

/** What one store takes on, and how long it waits. */
export interface StreamServerLimits extends SessionLimits {
  /** Sessions at a time; default 1000. Another 64 connections may be on their way to one. */
  readonly maxSessions: number;
  /** Sessions at a time of one principal; default 200. */
  readonly maxSessionsPerPrincipal: number;
  /** Connections of one address that are not sessions yet; default 512. */
  readonly maxPendingPerAddress: number;
  /** Browsers' origins that may connect; default none. Programs send no Origin. */
  readonly origins: readonly string[];
  /** From the connection to the end of the request's headers; default 5 s. */
  readonly headersMs: number;
  /** Between pings; a client that leaves two unanswered is cut off. Default 15 s. */
  readonly pingMs: number;
  /** How long a client may take to answer a close; default 5 s. */
  readonly closeMs: number;
}

export const defaultStreamServerLimits: StreamServerLimits = {
  maxSessions: 1000,
  maxSessionsPerPrincipal: 200,
  maxPendingPerAddress: 512,
  origins: [],
  headersMs: 5000,
  pingMs: 15_000,
  closeMs: 5000,
  greetingMs: 5000,
  drainMs: 3000,
  leaveMs: 30_000,
  ticketGraceMs: 3_600_000,
  renewWithinMs: 60_000,
  burstBytes: 256 * 1024,
  maxUnsentBytes: 192 * 1024,
  seekMarginMs: 1000,
};
