import { createHmac, randomUUID } from 'node:crypto';
import { isDrcError } from '@drc/protocol';
import jwt from 'jsonwebtoken';
import { describe, expect, test } from 'vitest';
import { TicketVerifier, type Ticket } from '../../../store/src/serve/authorize.js';
import { TicketKeys } from '../../../store/src/serve/ticket-keys.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { Signer, silent } from './store-harness.js';

const now = Math.floor(Date.now() / 1000);
const clock = { now: () => now * 1000, monotonic: () => 0 };
const signer = new Signer();

async function outcomeOf(ticket: string): Promise<string | Ticket> {
  await using folder = await temporaryFolder('authorize');
  const keys = await TicketKeys.open(folder.file('keys.json'), undefined, silent);
  await keys.replace({ cluster: 'main', keys: [signer.jwk] });
  try {
    return new TicketVerifier({ keys, topic: 'shop', clock }).verify(ticket);
  } catch (error) {
    if (!isDrcError(error)) throw error;
    if (ticket.length > 40) expect(error.message).not.toContain(ticket.slice(0, 40));
    return error.code;
  }
}

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const unsigned = (header: unknown, claims: unknown): string => `${base64(header)}.${base64(claims)}`;

test('a ticket of a cluster manager is taken, with its principal, grant and end', async () => {
  const claims = { sub: 'ann', jti: 'j1', iat: now, exp: now + 60, grant: { tables: ['shop.*'] } };
  expect(await outcomeOf(signer.sign(claims))).toEqual({
    principal: 'ann',
    id: 'j1',
    issuedAt: now * 1000,
    expiresAt: (now + 60) * 1000,
    grant: { rules: [{ tables: ['shop.*'] }] },
  });
});

test('a grant’s rules are taken as they are; one with a restriction that is not known is refused', async () => {
  const rules = [
    { tables: ['shop.*'], snapshot: true },
    { tables: ['crm.people'], where: 'id = 1', drop: ['card'], hash: ['email'], backfill: false },
  ];
  expect(await outcomeOf(signer.sign({ grant: { rules } }))).toMatchObject({ grant: { rules } });
  for (const restriction of [
    { until: '2026' },
    { where: 1 },
    { drop: 'card' },
    { hash: [''] },
    { where: '' },
  ]) {
    const restricted = [...rules, { tables: ['crm.*'], ...restriction }];
    expect(await outcomeOf(signer.sign({ grant: { rules: restricted } }))).toBe('FORBIDDEN');
  }
});

describe('a ticket is refused', () => {
  const refusals: Record<string, [ticket: string, code: string]> = {
    'with alg none': [`${unsigned({ alg: 'none', kid: signer.kid }, signer.claims())}.`, 'UNAUTHENTICATED'],
    'with alg none and somebody’s signature': [
      `${unsigned({ alg: 'none', kid: signer.kid }, signer.claims())}.AAAA`,
      'UNAUTHENTICATED',
    ],
    'with HS256 under the public key’s PEM': [forgedWithPublicKey('pem'), 'UNAUTHENTICATED'],
    'with HS256 under the public key’s DER': [forgedWithPublicKey('der'), 'UNAUTHENTICATED'],
    'signed by another key under a known kid': [
      new Signer().sign({}, { kid: signer.kid }),
      'UNAUTHENTICATED',
    ],
    'signed by another key': [new Signer().sign(), 'UNAUTHENTICATED'],
    'with a kid of Object.prototype': [signer.sign({}, { kid: '__proto__' }), 'UNAUTHENTICATED'],
    'with its own key in the header': [
      new Signer().sign({}, { kid: undefined, jwk: new Signer().jwk }),
      'UNAUTHENTICATED',
    ],
    'with critical extensions': [signer.sign({}, { crit: ['b64'], b64: true }), 'UNAUTHENTICATED'],
    'for another topic': [signer.sign({ aud: 'drc-store:main/other' }), 'FORBIDDEN'],
    'for another cluster’s stores': [signer.sign({ aud: 'drc-store:other/shop' }), 'FORBIDDEN'],
    'that is a login token': [signer.sign({ aud: 'drc-manager:main' }), 'FORBIDDEN'],
    'for several audiences': [signer.sign({ aud: ['drc-store:main/shop', 'x'] }), 'UNAUTHENTICATED'],
    'of another issuer': [signer.sign({ iss: 'drc:other' }), 'UNAUTHENTICATED'],
    'that expired': [signer.sign({ iat: now - 100, exp: now - 40 }), 'TICKET_EXPIRED'],
    'with exp in milliseconds': [signer.sign({ exp: (now + 60) * 1000 }), 'UNAUTHENTICATED'],
    'with iat and exp in milliseconds': [
      signer.sign({ iat: now * 1000, exp: (now + 60) * 1000 }),
      'UNAUTHENTICATED',
    ],
    'that lives longer than an hour': [signer.sign({ exp: now + 3601 }), 'UNAUTHENTICATED'],
    'from the future': [signer.sign({ iat: now + 120, exp: now + 180 }), 'UNAUTHENTICATED'],
    'without exp': [signer.sign({ exp: undefined }), 'UNAUTHENTICATED'],
    'without iat': [signer.sign({ iat: undefined }), 'UNAUTHENTICATED'],
    'without sub': [signer.sign({ sub: undefined }), 'UNAUTHENTICATED'],
    'without jti': [signer.sign({ jti: undefined }), 'UNAUTHENTICATED'],
    'without a grant': [signer.sign({ grant: undefined }), 'FORBIDDEN'],
    'with a grant of the wrong shape': [signer.sign({ grant: { tables: 'shop.*' } }), 'FORBIDDEN'],
    'with a restriction that this version does not know': [
      signer.sign({ grant: { tables: ['**'], condition: 'region = 1' } }),
      'FORBIDDEN',
    ],
    'whose grant was changed after signing': [tampered(), 'UNAUTHENTICATED'],
    'of great length': [signer.sign({ note: 'x'.repeat(10_000) }), 'UNAUTHENTICATED'],
    'that is no JWT': ['a.b.c', 'UNAUTHENTICATED'],
    'that is empty': ['', 'UNAUTHENTICATED'],
    'that is a JWT of an array': [`${unsigned([], [])}.AA`, 'UNAUTHENTICATED'],
  };

  test.each(Object.entries(refusals))('%s', async (_, [ticket, code]) => {
    expect(await outcomeOf(ticket)).toBe(code);
  });
});

test('a ticket is good until its end and the tolerance, not longer', async () => {
  expect(await outcomeOf(signer.sign({ iat: now - 100, exp: now - 9 }))).toMatchObject({
    principal: 'reader',
  });
  expect(await outcomeOf(signer.sign({ iat: now - 100, exp: now - 10 }))).toBe('TICKET_EXPIRED');
});

test('without any key nobody gets in', async () => {
  await using folder = await temporaryFolder('authorize');
  const keys = await TicketKeys.open(folder.file('keys.json'), 'main', silent);
  const verifier = new TicketVerifier({ keys, topic: 'shop', clock });
  expect(() => verifier.verify(signer.sign())).toThrow(/no cluster manager|announced/);
});

function forgedWithPublicKey(format: 'pem' | 'der'): string {
  const secret = signer.publicKey.export({ type: 'spki', format: format as 'pem' });
  const text = unsigned({ alg: 'HS256', kid: signer.kid, typ: 'JWT' }, signer.claims({ jti: randomUUID() }));
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

function tampered(): string {
  const [header, , signature] = signer.sign({ grant: { tables: ['shop.orders'] } }).split('.');
  const claims = jwt.decode(signer.sign({ grant: { tables: ['**'] } }));
  return `${header}.${base64(claims)}.${signature}`;
}
