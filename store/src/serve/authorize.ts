import { DrcError, type Grant } from '@drc/protocol';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import type { Clock } from '../clock.js';
import type { Revocations } from './revocations.js';
import type { TicketKeys } from './ticket-keys.js';

/*
 * A ticket is a JWT (RFC 7519), signed with ES256 by a cluster manager:
 *
 *   header  { alg: "ES256", kid }
 *   claims  { iss: "drc:<cluster>", aud: "drc-store:<cluster>/<topic>", sub, jti, iat, exp, grant, via? }
 *
 * That of a store that copies the log of a sister store has the audience "drc-sister:<cluster>/<topic>", and no grant: each of
 * the two opens one door only.
 *
 * The key is one that a manager announced, found by `kid` and nothing else of the header; being an EC key object, it
 * fits no other algorithm.
 */

/** What a ticket lets one do, checked. */
export interface Ticket {
  readonly principal: string;
  /** ms since 1970 */
  readonly issuedAt: number;
  /** ms since 1970 */
  readonly expiresAt: number;
  readonly grant: Grant;
  /** The ticket's `jti`. */
  readonly id: string;
  /** Id of the long-lived token that it was asked for with. */
  readonly via?: string;
}

export interface TicketVerifierOptions {
  readonly keys: TicketKeys;
  readonly topic: string;
  readonly clock: Clock;
  /** What the managers took back. Default: nothing. */
  readonly revocations?: Revocations;
  /** How far the clocks of managers and store may differ, ms; default 10,000, at most 30,000. */
  readonly clockToleranceMs?: number;
}

/** Upgrade requests are limited to this by their headers; renewals by this. In characters. */
const maxTicketLength = 8 * 1024;
const maxLifeSeconds = 3600;
const maxToleranceMs = 30_000;

/** What a ticket is for: to read the topic, or to copy the log of a sister store. */
export type TicketUse = 'store' | 'sister';

const claimsShape = z.object({
  iss: z.string(),
  aud: z.string(),
  sub: z.string().min(1).max(256),
  jti: z.string().min(1).max(256),
  iat: z.int().positive(),
  exp: z.int().positive(),
  grant: z.unknown(),
  via: z.string().min(1).max(256).optional(),
});

/** A restriction that this version does not know must not be passed over: unknown keys are refused. */
const tables = z.array(z.string().min(1).max(300)).max(1000);
const columns = z.array(z.string().min(1).max(300)).max(1000);
const rule = z.strictObject({
  tables,
  where: z.string().min(1).max(10_000).exactOptional(),
  drop: columns.exactOptional(),
  hash: columns.exactOptional(),
  snapshot: z.boolean().exactOptional(),
  backfill: z.boolean().exactOptional(),
});
const grantShape = z.union([
  z.strictObject({ rules: z.array(rule).max(1000) }),
  // As managers wrote it before there were rules.
  z.strictObject({ tables }).transform((plain) => ({ rules: [plain] })),
]);

const noGrant = { success: true, data: { rules: [] } } as const;

/** Checks tickets for one topic. */
export class TicketVerifier {
  readonly #options: TicketVerifierOptions;
  readonly clockToleranceMs: number;

  constructor(options: TicketVerifierOptions) {
    this.#options = options;
    this.clockToleranceMs = Math.min(options.clockToleranceMs ?? 10_000, maxToleranceMs);
  }

  /**
   * @throws DrcError `UNAUTHENTICATED`; `TICKET_EXPIRED` and `TICKET_REVOKED` for one that was good; `FORBIDDEN` for a
   *   good one of another topic, or with a grant that this version cannot honour. No error repeats any of the ticket.
   */
  verify(ticket: string, use: TicketUse = 'store'): Ticket {
    if (ticket.length > maxTicketLength) throw unauthenticated('The ticket is too long.');
    const claims = this.#verifiedClaims(ticket);
    const { keys, topic } = this.#options;
    if (claims.aud !== `drc-${use}:${keys.cluster}/${topic}`) {
      throw new DrcError('FORBIDDEN', `The ticket is not for this, or not for topic ${topic}.`, { topic });
    }
    const now = this.#options.clock.now();
    if (claims.iat * 1000 > now + this.clockToleranceMs) {
      throw unauthenticated(
        'The ticket is from the future; compare the clocks of store and cluster manager.',
      );
    }
    if (claims.exp <= claims.iat || claims.exp - claims.iat > maxLifeSeconds) {
      throw unauthenticated(`The ticket’s life is not between 1 and ${maxLifeSeconds} seconds.`);
    }
    const grant = use === 'sister' ? noGrant : grantShape.safeParse(claims.grant);
    if (!grant.success)
      throw new DrcError('FORBIDDEN', 'The ticket’s grant is not one that this store can honour.');
    const checked: Ticket = {
      principal: claims.sub,
      issuedAt: claims.iat * 1000,
      expiresAt: claims.exp * 1000,
      grant: grant.data,
      id: claims.jti,
      ...(claims.via === undefined ? {} : { via: claims.via }),
    };
    if (this.#options.revocations?.covers(checked))
      throw new DrcError('TICKET_REVOKED', 'The ticket was taken back.');
    return checked;
  }

  #verifiedClaims(ticket: string): z.infer<typeof claimsShape> {
    const { keys, clock } = this.#options;
    const header = headerOf(ticket);
    // RFC 7515, section 4.1.11: what is marked critical must be understood; we understand no extension.
    if (header.crit !== undefined) throw unauthenticated('The ticket has critical extensions.');
    const key = typeof header.kid === 'string' ? keys.get(header.kid) : undefined;
    if (key === undefined)
      throw unauthenticated('The ticket is signed with a key that no cluster manager announced.');
    let claims: unknown;
    try {
      claims = jwt.verify(ticket, key, {
        algorithms: ['ES256'],
        issuer: `drc:${keys.cluster}`,
        clockTimestamp: Math.floor(clock.now() / 1000),
        clockTolerance: Math.floor(this.clockToleranceMs / 1000),
      });
    } catch (cause) {
      if (cause instanceof jwt.TokenExpiredError) throw new DrcError('TICKET_EXPIRED', 'The ticket ran out.');
      throw unauthenticated('The ticket is not one that a cluster manager signed.');
    }
    const parsed = claimsShape.safeParse(claims);
    if (!parsed.success) throw unauthenticated('The ticket lacks a claim, or has a malformed one.');
    return parsed.data;
  }
}

function headerOf(ticket: string): { readonly kid?: unknown; readonly crit?: unknown } {
  try {
    return jwt.decode(ticket, { complete: true })?.header ?? {};
  } catch {
    throw unauthenticated('The ticket is not a JWT.');
  }
}

const unauthenticated = (message: string): DrcError => new DrcError('UNAUTHENTICATED', message);
