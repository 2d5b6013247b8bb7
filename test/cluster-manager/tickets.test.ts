import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import type { DrcError } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { makeSigningKey, publicKeyObject } from '../../cluster-manager/src/signing-key.js';
import { Tickets } from '../../cluster-manager/src/tickets.js';
import { TestClock } from './fixture.js';

const signingKey = makeSigningKey();
const clock = new TestClock();
const options = { ticketLifeMs: 300_000, tokenLifeMs: 3_600_000, clock, signingKey: () => signingKey };
const tickets = new Tickets({ ...options, cluster: 'test', publicKeys: async () => [signingKey.publicKey] });
const login = { user: 'ann', credential: 'c1' };
const now = (): number => Math.floor(clock.now() / 1000);

type Json = Record<string, unknown>;
const encode = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (token: string, part: number): Json =>
  JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString()) as Json;
const header: Json = { alg: 'ES256', typ: 'JWT', kid: signingKey.kid };
const claims = (): Json => decode(tickets.loginToken(login).token, 1);

function signed(head: Json, body: Json, privateKey = signingKey.privateKey): string {
  const input = `${encode(head)}.${encode(body)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const refusal = { code: 'UNAUTHENTICATED', message: 'The token is not valid, or no longer.', details: {} };

/** What the manager makes of a token: who logged in, or the refusal. */
async function outcome(token: string): Promise<unknown> {
  try {
    return await tickets.verifyLogin(token);
  } catch (error) {
    const { code, message, details } = error as DrcError;
    return { code, message, details };
  }
}

describe('Tickets', () => {
  it('signs tickets with the claims that stores check', async () => {
    const { token, id, expiresAt } = tickets.ticket('ann', 'shop', { rules: [{ tables: ['shop.*'] }] });
    expect(decode(token, 0)).toEqual(header);
    expect(decode(token, 1)).toEqual({
      iss: 'drc:test',
      aud: 'drc-store:test/shop',
      sub: 'ann',
      iat: now(),
      exp: now() + 300,
      jti: id,
      grant: { rules: [{ tables: ['shop.*'] }] },
    });
    expect(expiresAt).toBe((now() + 300) * 1000);
    expect(tickets.ticket('ann', 'shop', { rules: [] }).id).not.toBe(id);
  });

  it('accepts its own login tokens until they end', async () => {
    const at = new TestClock();
    const own = new Tickets({
      ...options,
      clock: at,
      cluster: 'test',
      publicKeys: async () => [signingKey.publicKey],
    });
    const { token } = own.loginToken(login);
    expect(await own.verifyLogin(token)).toEqual(login);
    at.advance(3_590_000);
    expect(await own.verifyLogin(token)).toEqual(login);
    at.advance(30_000);
    await expect(own.verifyLogin(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('accepts the login tokens of the cluster’s other managers', async () => {
    const other = makeSigningKey();
    const publicKeys = async () => [signingKey.publicKey, other.publicKey];
    const { token } = new Tickets({
      ...options,
      signingKey: () => other,
      cluster: 'test',
      publicKeys,
    }).loginToken(login);
    expect(await new Tickets({ ...options, cluster: 'test', publicKeys }).verifyLogin(token)).toEqual(login);
    expect(await outcome(token)).toEqual(refusal);
  });

  it('accepts what the test signs like it, so that the refusals below mean something', async () => {
    expect(await tickets.verifyLogin(signed(header, claims()))).toEqual(login);
  });

  it('refuses a ticket as a login, and logins of another cluster', async () => {
    expect(await outcome(tickets.ticket('ann', 'shop', { rules: [] }).token)).toEqual(refusal);
    expect(
      await outcome(
        new Tickets({ ...options, cluster: 'other', publicKeys: async () => [] }).loginToken(login).token,
      ),
    ).toEqual(refusal);
  });

  it('refuses tokens without a signature', async () => {
    const body = encode(claims());
    expect(await outcome(`${encode({ alg: 'none' })}.${body}.`)).toEqual(refusal);
    expect(await outcome(`${encode({ ...header, alg: 'none' })}.${body}.`)).toEqual(refusal);
    expect(await outcome(`${encode({ ...header, alg: 'None' })}.${body}.`)).toEqual(refusal);
    expect(await outcome(`${encode(header)}.${body}.`)).toEqual(refusal);
  });

  it('refuses tokens signed with HMAC and the public key', async () => {
    const pem = publicKeyObject(signingKey.publicKey).export({ type: 'spki', format: 'pem' });
    for (const alg of ['HS256', 'ES256']) {
      const input = `${encode({ ...header, alg })}.${encode(claims())}`;
      expect(
        await outcome(`${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`),
      ).toEqual(refusal);
    }
  });

  it('refuses tokens signed with another key, also when they bring it along', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(await outcome(signed(header, claims(), privateKey))).toEqual(refusal);
    expect(
      await outcome(signed({ ...header, jwk: publicKey.export({ format: 'jwk' }) }, claims(), privateKey)),
    ).toEqual(refusal);
    expect(await outcome(signed({ ...header, kid: 'mine' }, claims(), privateKey))).toEqual(refusal);
    expect(await outcome(signed({ ...header, kid: '__proto__' }, claims(), privateKey))).toEqual(refusal);
    expect(await outcome(signed({ alg: 'ES256' }, claims()))).toEqual(refusal);
  });

  it('refuses a token with any part changed', async () => {
    const { token } = tickets.loginToken(login);
    const [head = '', body = '', signature = ''] = token.split('.');
    expect(await outcome(`${head}.${encode({ ...claims(), sub: 'root' })}.${signature}`)).toEqual(refusal);
    expect(await outcome(`${head}.${body}.${signature.slice(0, -4)}AAAA`)).toEqual(refusal);
    expect(await outcome(`${head}.${body}`)).toEqual(refusal);
  });

  for (const [what, change] of [
    ['ended', () => ({ iat: now() - 3600, exp: now() - 60 })],
    ['is from the future', () => ({ iat: now() + 600, exp: now() + 700 })],
    ['ends in milliseconds', () => ({ exp: (now() + 60) * 1000 })],
    ['is valid for too long', () => ({ exp: now() + 3601 })],
    ['is too old, whatever its end', () => ({ iat: now() - 7200, exp: now() + 60 })],
    ['has no end', () => ({ exp: undefined })],
    ['has no beginning', () => ({ iat: undefined })],
    ['has no id', () => ({ jti: undefined })],
    ['has no subject', () => ({ sub: undefined })],
    ['has no credential', () => ({ credential: undefined })],
    ['has no issuer', () => ({ iss: undefined })],
    ['has no audience', () => ({ aud: undefined })],
    ['has another issuer', () => ({ iss: 'drc:other' })],
    ['has the audience of a store', () => ({ aud: 'drc-store:test/shop' })],
  ] as const) {
    it(`refuses a well-signed token that ${what}`, async () => {
      expect(await outcome(signed(header, { ...claims(), ...change() }))).toEqual(refusal);
    });
  }

  it('refuses critical headers that it does not know', async () => {
    expect(await outcome(signed({ ...header, crit: ['b64'], b64: false }, claims()))).toEqual(refusal);
  });

  it('refuses junk, and tokens of any length', async () => {
    for (const token of ['', '.', '..', 'a.b.c', `${'a'.repeat(100_000)}.b.c`, '\0', 'e30.e30.e30'])
      expect(await outcome(token)).toEqual(refusal);
  });
});
