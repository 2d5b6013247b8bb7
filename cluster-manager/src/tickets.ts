import { randomUUID } from 'node:crypto';
import { DrcError, type Grant } from '@drc/protocol';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import type { Clock } from './clock.js';
import type { TokenUse } from './grants.js';
import type { SigningKeyRecord } from './registry/records.js';
import { publicKeyObject, type SigningKey } from './signing-key.js';

/*
 * All are ES256 JWTs with `kid`, from `drc:<cluster>`. Their audiences keep them apart: a ticket is no login, a login no
 * ticket, and one for a sister store's log reads no topic.
 *
 *   ticket        aud drc-store:<cluster>/<topic>   sub principal  iat exp jti  grant, via: id of the token it came from
 *   sister ticket aud drc-sister:<cluster>/<topic>  sub principal  iat exp jti
 *   login token   aud drc-manager:<cluster>         sub user name  iat exp jti  credential
 */
export interface TicketOptions {
  readonly cluster: string;
  /** Asked each time: keys rotate. */
  readonly signingKey: () => SigningKey;
  /** Those of all managers of the cluster, asked with each token: others may have joined. */
  readonly publicKeys: () => Promise<readonly SigningKeyRecord[]>;
  readonly ticketLifeMs: number;
  readonly tokenLifeMs: number;
  readonly clock: Clock;
}

export interface SignedToken {
  readonly token: string;
  /** Identifies it in logs. */
  readonly id: string;
  /** ms since 1970 */
  readonly expiresAt: number;
}

/** Who logged in. */
export interface LoginClaims {
  readonly user: string;
  readonly credential: string;
}

const algorithm = 'ES256';
/** Longer ones are refused unread. A login token takes some 500. */
const maxTokenLength = 4096;
/** Between managers on different machines. */
const clockToleranceS = 10;

const loginSchema = z.object({
  sub: z.string().min(1).max(100),
  jti: z.string().min(1),
  iat: z.number().int(),
  exp: z.number().int(),
  credential: z.string().min(1).max(100),
});

/** Signs tickets and login tokens, and checks the latter. The only place that knows of JWT. */
export class Tickets {
  readonly #options: TicketOptions;
  readonly #issuer: string;
  readonly #loginAudience: string;

  constructor(options: TicketOptions) {
    this.#options = options;
    this.#issuer = `drc:${options.cluster}`;
    this.#loginAudience = `drc-manager:${options.cluster}`;
  }

  /**
   * Lets `principal` read `grant` of the topic, from every store of it, until it ends.
   * @param via the token that it comes from: the ticket names it, and does not outlive it
   */
  ticket(principal: string, topic: string, grant: Grant, via?: TokenUse): SignedToken {
    const { cluster, ticketLifeMs, clock } = this.#options;
    const audience = `drc-store:${cluster}/${topic}`;
    if (via === undefined) return this.#sign(principal, audience, ticketLifeMs, { grant });
    const lifeMs = Math.min(ticketLifeMs, via.expiresAt - clock.now());
    return this.#sign(principal, audience, lifeMs, { grant, via: via.id });
  }

  /** Lets a store copy the log of another store of its topic. */
  sisterTicket(principal: string, topic: string): SignedToken {
    const { cluster, ticketLifeMs } = this.#options;
    return this.#sign(principal, `drc-sister:${cluster}/${topic}`, ticketLifeMs, {});
  }

  loginToken({ user, credential }: LoginClaims): SignedToken {
    return this.#sign(user, this.#loginAudience, this.#options.tokenLifeMs, { credential });
  }

  /** `UNAUTHENTICATED` unless one of the cluster's managers signed it as a login token, and it is valid now. */
  async verifyLogin(token: string): Promise<LoginClaims> {
    const keys = await this.#options.publicKeys();
    try {
      if (token.length > maxTokenLength) throw new TypeError('too long');
      const kid = kidOf(token);
      const record = keys.find((key) => key.kid === kid);
      if (record === undefined) throw new TypeError('signed with an unknown key');
      const lifeS = Math.ceil(this.#options.tokenLifeMs / 1000);
      const claims = loginSchema.parse(
        jwt.verify(token, publicKeyObject(record), {
          algorithms: [algorithm],
          audience: this.#loginAudience,
          issuer: this.#issuer,
          maxAge: lifeS,
          clockTolerance: clockToleranceS,
          clockTimestamp: this.#seconds(),
        }),
      );
      // maxAge looks at iat only. These two find tokens that are not of our making: from the future, or in milliseconds.
      if (claims.iat > this.#seconds() + clockToleranceS) throw new TypeError('issued in the future');
      if (claims.exp - claims.iat > lifeS) throw new TypeError('valid for too long');
      return { user: claims.sub, credential: claims.credential };
    } catch (cause) {
      throw new DrcError('UNAUTHENTICATED', 'The token is not valid, or no longer.', {}, { cause });
    }
  }

  #sign(subject: string, audience: string, lifeMs: number, claims: Record<string, unknown>): SignedToken {
    const signingKey = this.#options.signingKey();
    const iat = this.#seconds();
    const exp = iat + Math.ceil(lifeMs / 1000);
    const id = randomUUID();
    const payload = { iss: this.#issuer, aud: audience, sub: subject, iat, exp, jti: id, ...claims };
    const token = jwt.sign(payload, signingKey.privateKey, { algorithm, keyid: signingKey.kid });
    return { token, id, expiresAt: exp * 1000 };
  }

  #seconds(): number {
    return Math.floor(this.#options.clock.now() / 1000);
  }
}

/** Only `kid` is taken from the header, and only to look up one of our keys. */
function kidOf(token: string): string {
  const header = jwt.decode(token, { complete: true })?.header;
  if (header?.alg !== algorithm || typeof header.kid !== 'string')
    throw new TypeError('not signed with ES256 and kid');
  if (header.crit !== undefined) throw new TypeError('has critical headers that nobody here knows');
  return header.kid;
}
