import { randomUUID, type KeyObject } from 'node:crypto';
import { DrcError, type Grant } from '@drc/protocol';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import type { Clock } from './clock.js';
import type { SigningKeyRecord } from './registry/records.js';
import { publicKeyObject, type SigningKey } from './signing-key.js';

/*
 * Both are ES256 JWTs with `kid`, from `drc:<cluster>`. Their audiences keep them apart: a ticket is no login, and a
 * login no ticket.
 *
 *   ticket        aud drc-store:<cluster>/<topic>   sub principal  iat exp jti  grant
 *   login token   aud drc-manager:<cluster>         sub user name  iat exp jti  credential
 */
export interface TicketOptions {
  readonly cluster: string;
  readonly signingKey: SigningKey;
  /** Those of all managers of the cluster. */
  readonly publicKeys: readonly SigningKeyRecord[];
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
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #issuer: string;
  readonly #loginAudience: string;

  constructor(options: TicketOptions) {
    this.#options = options;
    this.#keys = new Map(options.publicKeys.map((key) => [key.kid, publicKeyObject(key)]));
    this.#issuer = `drc:${options.cluster}`;
    this.#loginAudience = `drc-manager:${options.cluster}`;
  }

  /** Lets `principal` read `grant` of the topic, from every store of it, until it ends. */
  ticket(principal: string, topic: string, grant: Grant): SignedToken {
    const audience = `drc-store:${this.#options.cluster}/${topic}`;
    return this.#sign(principal, audience, this.#options.ticketLifeMs, { grant });
  }

  loginToken({ user, credential }: LoginClaims): SignedToken {
    return this.#sign(user, this.#loginAudience, this.#options.tokenLifeMs, { credential });
  }

  /** `UNAUTHENTICATED` unless one of the cluster's managers signed it as a login token, and it is valid now. */
  verifyLogin(token: string): LoginClaims {
    try {
      if (token.length > maxTokenLength) throw new TypeError('too long');
      const key = this.#keys.get(kidOf(token));
      if (key === undefined) throw new TypeError('signed with an unknown key');
      const lifeS = Math.ceil(this.#options.tokenLifeMs / 1000);
      const claims = loginSchema.parse(
        jwt.verify(token, key, {
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
    const { signingKey } = this.#options;
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
