import { describe, expect, it } from 'vitest';
import {
  grantFor,
  maxGrantBytes,
  maySee,
  mustAdminister,
  mustAnnounce,
  unionOf,
  type Principal,
} from '../../cluster-manager/src/grants.js';
import type { GrantRecord } from '../../cluster-manager/src/registry/records.js';
import { makeSigningKey } from '../../cluster-manager/src/signing-key.js';
import { Tickets } from '../../cluster-manager/src/tickets.js';
import { TestClock } from './fixture.js';

const grant = (fields: Partial<GrantRecord> = {}): GrantRecord => ({
  id: '00000001',
  topics: ['shop'],
  tables: ['**'],
  ...fields,
});
const reader = (topics: string[], tables = ['**']): Principal => ({
  kind: 'user',
  name: 'ann',
  administrator: false,
  grants: [grant({ topics, tables })],
});
const store: Principal = { kind: 'store', name: 'machine:1', topics: ['shop'] };
const client: Principal = {
  kind: 'client',
  name: 'machine:2',
  grants: [grant({ tables: ['shop.*'] })],
};
const administrator: Principal = {
  kind: 'user',
  name: 'root',
  administrator: true,
  grants: [grant({ topics: ['**'] })],
};

describe('grants', () => {
  it('gives the tables of whoever may read the topic', () => {
    expect(grantFor(reader(['shop']), 'shop', true)).toEqual({ rules: [{ tables: ['**'] }] });
    expect(grantFor(client, 'shop', true)).toEqual({ rules: [{ tables: ['shop.*'] }] });
    expect(grantFor(administrator, 'anything', true)).toEqual({ rules: [{ tables: ['**'] }] });
  });

  it('matches topics by glob, whole names and case by case', () => {
    expect(maySee(reader(['shop-*']), 'shop-eu')).toBe(true);
    expect(maySee(reader(['shop-?']), 'shop-1')).toBe(true);
    expect(maySee(reader(['shop']), 'shop-eu')).toBe(false);
    expect(maySee(reader(['shop']), 'Shop')).toBe(false);
    expect(maySee(reader(['mail', 'sh*']), 'shop')).toBe(true);
  });

  it('gives the same answer for a topic that is hidden and for one that does not exist', () => {
    const answerTo = (principal: Principal, exists: boolean): unknown => {
      try {
        return grantFor(principal, 'shop', exists);
      } catch (error) {
        return { ...(error as object), message: (error as Error).message };
      }
    };
    const hidden = answerTo(reader(['mail']), true);
    expect(hidden).toMatchObject({ code: 'TOPIC_UNKNOWN' });
    expect(hidden).toEqual(answerTo(reader(['mail']), false));
    expect(hidden).toEqual(answerTo(reader(['shop']), false));
  });

  it('lets a store key announce its topics and do nothing else', () => {
    mustAnnounce(store, 'shop');
    expect(() => mustAnnounce(store, 'mail')).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    expect(() => grantFor(store, 'shop', true)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    expect(() => mustAdminister(store)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });

  it('lets nobody else announce, also not an administrator', () => {
    for (const principal of [client, administrator, reader(['shop'])]) {
      expect(() => mustAnnounce(principal, 'shop')).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    }
  });

  it('lets only administrators administer', () => {
    mustAdminister(administrator);
    for (const principal of [client, reader(['**'])]) {
      expect(() => mustAdminister(principal)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    }
  });

  it('does not let a token administer', () => {
    const token = { id: '1', expiresAt: 1 };
    expect(() => mustAdminister({ ...administrator, token })).toThrow(/A token is for reading/);
  });

  it('gives nothing to whoever has no grants', () => {
    const nobody: Principal = { kind: 'user', name: 'ann', administrator: true, grants: [] };
    expect(maySee(nobody, 'shop')).toBe(false);
    expect(() => grantFor(nobody, 'shop', true)).toThrow(expect.objectContaining({ code: 'TOPIC_UNKNOWN' }));
  });
});

describe('a union of grants', () => {
  it('has the rules of all that name the topic, and of no other', () => {
    const grants = [
      grant({ topics: ['sh*'], tables: ['a.*'], where: 'x = 1', drop: ['p', 'o'], snapshot: true }),
      grant({ topics: ['mail'], tables: ['b.*'] }),
      grant({ tables: ['c.*'], hash: ['h'], backfill: true }),
    ];
    expect(unionOf(grants, 'shop')).toEqual({
      rules: [
        { tables: ['a.*'], where: 'x = 1', drop: ['o', 'p'], snapshot: true },
        { tables: ['c.*'], hash: ['h'], backfill: true },
      ],
    });
    expect(unionOf(grants, 'news')).toEqual({ rules: [] });
  });

  it('is one rule for those that differ in their tables only', () => {
    const grants = [
      grant({ tables: ['a.x', 'a.y'], drop: ['p', 'q'] }),
      grant({ tables: ['a.y', 'a.z'], drop: ['q', 'p', 'p'], snapshot: false }),
      grant({ tables: ['a.z'], drop: ['p'] }),
    ];
    expect(unionOf(grants, 'shop')).toEqual({
      rules: [
        { tables: ['a.x', 'a.y', 'a.z'], drop: ['p', 'q'] },
        { tables: ['a.z'], drop: ['p'] },
      ],
    });
  });

  it('that no ticket can hold is refused', () => {
    const tables = Array.from({ length: 200 }, (_, i) => `schema.a_rather_long_table_name_${i}`);
    expect(() => grantFor(reader(['shop'], tables), 'shop', true)).toThrow(
      expect.objectContaining({
        code: 'FORBIDDEN',
        details: expect.objectContaining({ reason: 'grantTooLarge', topic: 'shop' }) as unknown,
      }),
    );
  });

  it('of the largest size makes a ticket that fits into the head of a request', () => {
    const name = (length: number): string => 'n'.repeat(length);
    const signingKey = makeSigningKey();
    const tickets = new Tickets({
      cluster: name(100),
      signingKey: () => signingKey,
      publicKeys: async () => [],
      ticketLifeMs: 1000,
      tokenLifeMs: 1000,
      clock: new TestClock(),
    });
    const rules = [{ tables: [''] }];
    const rest = maxGrantBytes - Buffer.byteLength(JSON.stringify({ rules }));
    const largest = { rules: [{ tables: [name(rest)] }] };
    expect(Buffer.byteLength(JSON.stringify(largest))).toBe(maxGrantBytes);
    const via = { id: '0123456789abcdef', expiresAt: Number.MAX_SAFE_INTEGER };
    expect(tickets.ticket(name(100), name(100), largest, via).token.length).toBeLessThan(7168);
  });
});
