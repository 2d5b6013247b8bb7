/** What cluster managers and stores tell each other, beside keys. */

/**
 * What a manager took back: a store that hears of it ends the sessions on such tickets, and takes no more of them.
 * Moments are those of the managers' clocks, as `iat` in tickets.
 */
export interface Revocation {
  /** `sub` of the tickets: a user's name, or `machine:<id>`. */
  readonly principal: string;
  /** Only tickets with this `via`, which are those that a token brought. Absent: all of the principal's. */
  readonly tokenId?: string;
  /** ms since 1970: void are those whose `iat` is before. */
  readonly before: number;
}

/**
 * For how long, in ms, a store may at most serve on after a session's ticket ran out, while it can reach no manager: a day.
 * Managers tell of a revocation for as long, and for the life of a ticket.
 */
export const maxTicketGraceMs = 86_400_000;

/** What a store tells of one of its sessions. Times are ms since 1970, of the log's own time. */
export interface ReaderReport {
  readonly principal: string;
  /** What its service calls the subscription; absent: it has no name. */
  readonly name?: string | undefined;
  readonly client: string;
  /** `waiting`, `replaying`, `live` or `draining`. */
  readonly state: string;
  /** The last transaction that was sent, by its number in the store's log. */
  readonly sentLsn: number;
  /** The last one that the reader is done with, where it tells. */
  readonly committedLsn?: number | undefined;
  /** How long ago the oldest transaction that it is not done with entered the log, ms; 0 where there is none. */
  readonly lagMs: number;
  /** About what there is from there to the end of the log, on the disk. */
  readonly lagBytes: number;
  /** When that transaction is trimmed, ms from the report on; absent where there is none. */
  readonly trimsInMs?: number | undefined;
}

/** A part of what one store tells: a thousand readers do not fit one request. */
export interface ReaderReports {
  /** 0, 1, … */
  readonly part: number;
  readonly parts: number;
  /** How long the store keeps what is in its log, ms. */
  readonly retentionMs: number;
  readonly readers: readonly ReaderReport[];
}
