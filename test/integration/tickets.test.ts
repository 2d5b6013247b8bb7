import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  type KeyObject,
} from 'node:crypto';
import { readFile } from 'node:fs/promises';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHub, type TestHub } from '../support/hub.js';
import { RawClient, Refused } from '../store/serve/raw-client.js';

let hub: TestHub;
let good: string;
let signingKey: KeyObject;

beforeAll(async () => {
  hub = await startHub({ topics: ['shop', 'stock'], stores: [{}, { topic: 'stock' }] });
  await hub.source.query('CREATE DATABASE shop');
  await hub.store.reaches(await hub.lastId());
  good = await ticketFor('shop');
  signingKey = createPrivateKey(await readFile(hub.folder.file('manager', 'signing-key.pem')));
});
afterAll(() => hub[Symbol.asyncDispose]());

async function ticketFor(topic: string): Promise<string> {
  const response = await fetch(`${hub.manager.url}/v1/topics/${topic}/stores?from=earliest`, {
    headers: { authorization: `Bearer ${hub.clientKey}` },
  });
  return ((await response.json()) as { ticket: string }).ticket;
}

const claims = (): jwt.JwtPayload => jwt.decode(good) as jwt.JwtPayload;
const kid = (): string => jwt.decode(good, { complete: true })!.header.kid!;
const now = (): number => Math.floor(Date.now() / 1000);
const sign = (payload: object, key: jwt.Secret, options: jwt.SignOptions = {}): string =>
  jwt.sign(payload, key, { algorithm: 'ES256', keyid: kid(), ...options });

/** The first transaction's lsn, or why the store lets nobody in. */
async function outcome(ticket: string | undefined): Promise<number | string | undefined> {
  try {
    await using client = await RawClient.open({
      url: `${hub.store.store.url}/v1/stream/shop`,
      ...(ticket === undefined ? {} : { ticket }),
    });
    await client.start();
    await client.transaction(1);
    return client.chunks[0]!.chunk.lsn;
  } catch (error) {
    if (error instanceof Refused) return `${error.status} ${error.code}`;
    throw error;
  }
}

describe('a store that the manager’s keys have reached', () => {
  test('lets a reader with the manager’s ticket in', async () => {
    expect(await outcome(good)).toBe(1);
    // And what the tests below make by hand differs from it only where they say so.
    expect(await outcome(sign({ ...claims(), jti: randomUUID() }, signingKey))).toBe(1);
  });

  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const parts = (): string[] => good.split('.');
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  test.each<[string, () => string | undefined]>([
    ['no ticket', () => undefined],
    ['text', () => 'ticket'],
    ['a ticket of another key under the same kid', () => sign(claims(), other)],
    ['a ticket of another key under its own kid', () => sign(claims(), other, { keyid: 'mine' })],
    ['a ticket without a signature', () => `${parts()[0]}.${parts()[1]}.`],
    ['a ticket with alg none', () => `${encode({ alg: 'none', typ: 'JWT', kid: kid() })}.${parts()[1]}.`],
    [
      'a ticket signed with the public key as a shared secret',
      () =>
        sign(claims(), createPublicKey(signingKey).export({ type: 'spki', format: 'pem' }), {
          algorithm: 'HS256',
          allowInsecureKeySizes: true,
        }),
    ],
    [
      'a ticket whose claims were changed',
      () => `${parts()[0]}.${encode({ ...claims(), sub: 'somebody-else' })}.${parts()[2]}`,
    ],
    ['a ticket of another cluster', () => sign({ ...claims(), iss: 'drc:elsewhere' }, signingKey)],
    ['a ticket that never ends', () => sign({ ...claims(), exp: now() + 400 * 86_400 }, signingKey)],
    ['a ticket in milliseconds', () => sign({ ...claims(), exp: Date.now() }, signingKey)],
    ['a machine key', () => hub.clientKey],
  ])('refuses %s', async (_name, ticket) => {
    expect(await outcome(ticket())).toBe('401 UNAUTHENTICATED');
  });

  test('refuses a ticket that has run out', async () => {
    const expired = sign({ ...claims(), iat: now() - 400, exp: now() - 100 }, signingKey);
    expect(await outcome(expired)).toBe('401 TICKET_EXPIRED');
  });

  test('refuses the manager’s ticket for another topic', async () => {
    expect(await outcome(await ticketFor('stock'))).toBe('403 FORBIDDEN');
  });
});
