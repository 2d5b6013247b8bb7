import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/*
 * <prefix>_<id>_<secret>    id: 8 random bytes in hex; secret: 32 random bytes in base64url
 *
 * `drcmk` is a machine key, `drctk` a token. The registry keeps the secret's SHA-256: with 256 random bits there is
 * nothing to guess, so a slow hash would only slow the stores down.
 */
export type BearerPrefix = 'drcmk' | 'drctk';

export interface BearerSecret {
  readonly id: string;
  /** What its owner shows. Kept nowhere. */
  readonly text: string;
  /** Hex. */
  readonly secretHash: string;
}

const pattern = /^(drcmk|drctk)_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

export function makeBearerSecret(prefix: BearerPrefix): BearerSecret {
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  return { id, text: `${prefix}_${id}_${secret}`, secretHash: hashOf(secret).toString('hex') };
}

/** Whether it cannot be a login token, which is a JWT. */
export const looksLike = (prefix: BearerPrefix, text: string): boolean => text.startsWith(`${prefix}_`);

/** Undefined where it is not one. */
export function parseBearerSecret(
  prefix: BearerPrefix,
  text: string,
): { id: string; secret: string } | undefined {
  const [, found, id, secret] = pattern.exec(text) ?? [];
  if (found !== prefix || id === undefined || secret === undefined) return undefined;
  return { id, secret };
}

/** Compares in constant time; with `undefined` (there is no such record) false. */
export function isSecretOf(secret: string, record: { readonly secretHash: string } | undefined): boolean {
  const expected = record === undefined ? Buffer.alloc(32) : Buffer.from(record.secretHash, 'hex');
  const actual = hashOf(secret);
  const equal = expected.length === actual.length && timingSafeEqual(expected, actual);
  return equal && record !== undefined;
}

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();
