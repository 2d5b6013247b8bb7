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
