import { describe, expect, it } from 'vitest';
import {
  grantFor,
  maySee,
  mustAdminister,
  mustAnnounce,
  type Principal,
} from '../../cluster-manager/src/grants.js';

const reader = (topics: string[], tables = ['**']): Principal => ({
  kind: 'user',
  name: 'ann',
  administrator: false,
  reads: { topics, tables },
});
const store: Principal = { kind: 'store', name: 'machine:1', topics: ['shop'] };
const client: Principal = {
  kind: 'client',
  name: 'machine:2',
  reads: { topics: ['shop'], tables: ['shop.*'] },
};
const administrator: Principal = {
  kind: 'user',
  name: 'root',
  administrator: true,
  reads: { topics: ['**'], tables: ['**'] },
};

describe('grants', () => {
  it('gives the tables of whoever may read the topic', () => {
    expect(grantFor(reader(['shop']), 'shop', true)).toEqual({ tables: ['**'] });
    expect(grantFor(client, 'shop', true)).toEqual({ tables: ['shop.*'] });
    expect(grantFor(administrator, 'anything', true)).toEqual({ tables: ['**'] });
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
});
