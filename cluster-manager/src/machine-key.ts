import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { DrcError } from '@drc/protocol';
import { z } from 'zod';
import { glob, plainName, type MachineKeyRecord } from './registry/records.js';

/*
 * drcmk_<id>_<secret>    id: 8 random bytes in hex; secret: 32 random bytes in base64url
 *
 * The registry keeps the secret's SHA-256: with 256 random bits there is nothing to guess, so a slow hash would only
 * slow the stores down.
 */
const pattern = /^drcmk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** What a new key is for. */
export interface MachineKeyRequest {
  /** `store`: announces stores of these topics, nothing else. `client`: reads these topics. */
  readonly kind: 'store' | 'client';
  /** Names; for a client also globs. At least one. */
  readonly topics: readonly string[];
  /** Globs over `schema.table`; for clients. Default: all tables. */
  readonly tables?: readonly string[] | undefined;
}

export interface MachineKey {
  readonly id: string;
  /** The whole key. It is shown once; only a hash of it is kept. */
  readonly key: string;
}

export const machineKeyRequestSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('store'), topics: z.array(plainName).min(1).max(100) }),
  z.object({
    kind: z.literal('client'),
    topics: z.array(glob).min(1).max(100),
    tables: z.array(glob).min(1).max(100).default(['**']),
  }),
]);

/** `REQUEST_INVALID` for names that cannot be. */
export function makeMachineKey(
  request: MachineKeyRequest,
  now: number,
): { machineKey: MachineKey; record: MachineKeyRecord } {
  const parsed = machineKeyRequestSchema.safeParse(request);
  if (!parsed.success) {
    throw new DrcError('REQUEST_INVALID', `A machine key cannot be made: ${z.prettifyError(parsed.error)}`, {
      faults: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    });
  }
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const common = { id, secretHash: hashSecret(secret).toString('hex'), createdAt: now };
  const record: MachineKeyRecord =
    parsed.data.kind === 'store'
      ? { kind: 'store', ...common, topics: parsed.data.topics }
      : { kind: 'client', ...common, reads: { topics: parsed.data.topics, tables: parsed.data.tables } };
  return { machineKey: { id, key: `drcmk_${id}_${secret}` }, record };
}

export const looksLikeMachineKey = (token: string): boolean => token.startsWith('drcmk_');

/** Undefined where it is not one. */
export function parseMachineKey(token: string): { id: string; secret: string } | undefined {
  const match = pattern.exec(token);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { id: match[1], secret: match[2] };
}

/** Compares in constant time; with `undefined` (no such key) false. */
export function isSecretOf(secret: string, record: MachineKeyRecord | undefined): boolean {
  const expected = record === undefined ? Buffer.alloc(32) : Buffer.from(record.secretHash, 'hex');
  const actual = hashSecret(secret);
  const equal = expected.length === actual.length && timingSafeEqual(expected, actual);
  return equal && record !== undefined;
}

const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();
