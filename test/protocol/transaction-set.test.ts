import { GtidSet, MariadbGtidPosition } from '@vlasky/zongji';
import { maxSetTextLength, TransactionSet } from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyId, anyText, mariadbId, mariadbText, mysqlId, mysqlText } from './support/transaction-texts.js';
import { outcomeOf, refusal } from './support/refusal.js';

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const other = '3e11fa47-71ca-11e1-9e33-c80aa9429563';
const parse = (text: string): TransactionSet => TransactionSet.parse(text);
const canonical = (text: string): string => parse(text).toString();
const withIds = (text: string, ...ids: readonly string[]): string => {
  const set = parse(text);
  for (const id of ids) set.add(id);
  return set.toString();
};
const invalid = refusal('CHECKPOINT_INVALID');

describe('a transaction set', () => {
  it('has one text, which reads back as the same set', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const set = parse(text);
        expect(canonical(set.toString())).toBe(set.toString());
        expect(set.isEmpty).toBe(set.toString() === '');
        expect(set.isSubsetOf(parse(set.toString())) && parse(set.toString()).isSubsetOf(set)).toBe(true);
      }),
    );
  });

  it('covers what was added to it and all that it covered before, and nothing that it does not say', () => {
    fc.assert(
      fc.property(anyText, fc.array(anyId, { maxLength: 12 }), anyId, (text, ids, probe) => {
        const before = parse(text);
        const set = before.clone();
        for (const id of ids) set.add(id);
        for (const id of ids) expect(set.covers(id)).toBe(true);
        expect(before.isSubsetOf(set)).toBe(true);
        expect(set.covers(probe)).toBe(before.covers(probe) || ids.some((id) => parse(id).covers(probe)));
        expect(before.toString()).toBe(canonical(text));
      }),
    );
  });

  it('is the same whatever the order of additions', () => {
    fc.assert(
      fc.property(
        fc
          .array(anyId, { maxLength: 12 })
          .chain((ids) => fc.tuple(fc.constant(ids), fc.shuffledSubarray(ids, { minLength: ids.length }))),
        ([ids, shuffled]) => {
          expect(withIds('', ...shuffled)).toBe(withIds('', ...ids));
        },
      ),
    );
  });

  it('obeys the laws of union and subset', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, anyId, (one, two, three, id) => {
        const [a, b, c] = [parse(one), parse(two), parse(three)];
        const union = a.union(b);
        expect(a.isSubsetOf(union) && b.isSubsetOf(union)).toBe(true);
        expect(union.toString()).toBe(b.union(a).toString());
        expect(union.union(c).toString()).toBe(a.union(b.union(c)).toString());
        expect(a.union(a).toString()).toBe(a.toString());
        expect(union.covers(id)).toBe(a.covers(id) || b.covers(id));
        expect(a.isSubsetOf(b)).toBe(union.toString() === b.toString());
        expect(!a.isSubsetOf(b) || !b.isSubsetOf(c) || a.isSubsetOf(c)).toBe(true);
        expect(parse('').isSubsetOf(a)).toBe(true);
        expect([a.toString(), b.toString()]).toEqual([canonical(one), canonical(two)]);
      }),
    );
  });

  it('agrees with zongji on MySQL sets', () => {
    fc.assert(
      fc.property(mysqlText, fc.array(mysqlId, { maxLength: 6 }), mysqlId, (text, ids, probe) => {
        const theirs = GtidSet.parse(text);
        for (const id of ids) theirs.add(id);
        const ours = parse(text);
        for (const id of ids) ours.add(id);
        expect(ours.toString()).toBe(theirs.toString());
        expect(ours.covers(probe)).toBe(theirs.contains(probe));
      }),
      { numRuns: 1000 },
    );
  });

  it('agrees with zongji on MariaDB positions, where a domain has one server', () => {
    fc.assert(
      fc.property(mariadbText, mariadbId, (text, probe) => {
        const theirs = MariadbGtidPosition.parse(text);
        expect(canonical(text)).toBe(theirs.toString());
        expect(parse(text).covers(probe)).toBe(theirs.covers(probe));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('MySQL numbers', () => {
  it('are exact beyond what a double holds', () => {
    expect(withIds('', `${uuid}:9007199254740993`)).toBe(`${uuid}:9007199254740993`);
    const set = parse(`${uuid}:1-9007199254740992`);
    expect(set.covers(`${uuid}:9007199254740992`)).toBe(true);
    expect(set.covers(`${uuid}:9007199254740993`)).toBe(false);
    set.add(`${uuid}:9007199254740993`);
    expect(set.toString()).toBe(`${uuid}:1-9007199254740993`);
  });

  it('join across the border of exact doubles', () => {
    const ids = [-2n, -1n, 0n, 1n, 2n].map((more) => `${uuid}:${2n ** 53n + more}`);
    expect(withIds('', ...ids)).toBe(`${uuid}:9007199254740990-9007199254740994`);
    expect(withIds('', ...ids.toReversed())).toBe(`${uuid}:9007199254740990-9007199254740994`);
  });

  it('leave holes, and close them', () => {
    expect(withIds('', ...[5, 7, 9].map((n) => `${uuid}:${n}`))).toBe(`${uuid}:5:7:9`);
    expect(withIds(`${uuid}:5:7:9`, `${uuid}:8`)).toBe(`${uuid}:5:7-9`);
    expect(withIds(`${uuid}:5:7:9`, `${uuid}:8`, `${uuid}:6`)).toBe(`${uuid}:5-9`);
    expect(withIds(`${uuid}:5:7:9`, `${uuid}:1`)).toBe(`${uuid}:1:5:7:9`);
  });

  it('of one uuid stand together, those without a tag first', () => {
    expect(canonical(`${other}:3,${uuid}:TagB:4:taga:1-5:6,${uuid}:1-3`)).toBe(
      `${uuid}:1-3:taga:1-6:tagb:4,${other}:3`,
    );
    expect(canonical(`${uuid.toUpperCase()}:1 - 2`.replace(' - ', '-'))).toBe(`${uuid}:1-2`);
  });

  it('under a tag are other transactions than those without', () => {
    const set = parse(`${uuid}:1-3:blue:1-5`);
    expect([set.covers(`${uuid}:4`), set.covers(`${uuid}:blue:4`), set.covers(`${uuid}:red:4`)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(set.covers(`${uuid.toUpperCase()}:BLUE:4`)).toBe(true);
  });

  it('may stand with the white space and line ends that the server prints', () => {
    expect(canonical(` ${uuid}:1-5 : 7 ,\n${other}:1\n`)).toBe(`${uuid}:1-5:7,${other}:1`);
  });
});

describe('a MariaDB position', () => {
  it('covers all of its domain up to the sequence, from whichever server', () => {
    const set = parse('0-1-5,1-2-18446744073709551615');
    expect(['0-1-5', '0-1-4', '0-9-3', '1-2-18446744073709551615'].map((id) => set.covers(id))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['0-1-6', '2-1-1'].map((id) => set.covers(id))).toEqual([false, false]);
  });

  it('tells server and exact sequence, for finding out whether histories have diverged', () => {
    const set = parse('0-1-5,1-2-9007199254740993');
    expect(set.mariadbPosition(0)).toEqual({ serverId: 1, sequence: 5 });
    expect(set.mariadbPosition(1)).toEqual({ serverId: 2, sequence: 9_007_199_254_740_993n });
    expect(set.mariadbPosition(2)).toBeUndefined();
  });

  it('takes the server of the newest transaction, and never goes back', () => {
    expect(withIds('0-1-5', '0-2-6')).toBe('0-2-6');
    expect(withIds('0-2-6', '0-1-5')).toBe('0-2-6');
    expect(parse('0-1-5').union(parse('0-2-5')).toString()).toBe(
      parse('0-2-5').union(parse('0-1-5')).toString(),
    );
  });
});

describe('a place in a binlog without GTIDs', () => {
  it('compares file numbers as numbers', () => {
    const set = parse('1/binlog.1000000:4');
    expect(set.covers('1/binlog.999999:5000000000')).toBe(true);
    expect(parse('1/binlog.999999:5000000000').isSubsetOf(set)).toBe(true);
    expect(withIds('1/binlog.999999:5000000000', '1/binlog.1000000:4')).toBe('1/binlog.1000000:4');
    expect(set.covers('1/binlog.1000000:5')).toBe(false);
  });

  it('says nothing of another server, or of files with another base name', () => {
    const set = parse('1/binlog.000009:4');
    expect(set.covers('2/binlog.000001:4')).toBe(false);
    expect(set.covers('1/mysql-bin.000001:4')).toBe(false);
  });

  it('has one text however the file number is padded', () => {
    expect(canonical('1/my-bin.v2.7:00123')).toBe('1/my-bin.v2.000007:123');
  });
});

describe('what is no set', () => {
  it.each([
    'x',
    ',',
    '0-1-5,',
    '0-1',
    '0-1-5-6',
    '0-1--5',
    '-1-5',
    '0-1-0x10',
    '0-1-1e3',
    '0-1-１',
    '4294967296-1-1',
    '0-4294967296-1',
    '0-1-18446744073709551616',
    `0-1-${'9'.repeat(100_000)}`,
    uuid,
    `${uuid}:`,
    `${uuid}:0`,
    `${uuid}:5-3`,
    `${uuid}:1-2-3`,
    `${uuid}:1:`,
    `${uuid}:9223372036854775807`,
    `${uuid}:tag`,
    `${uuid}:1:tag`,
    `${uuid}:tag:blue:1`,
    `${uuid}:${'a'.repeat(33)}:1`,
    `${uuid}:1tag:1`,
    `${uuid.slice(1)}:1`,
    `${uuid.replaceAll('-', '')}:1`,
    '/binlog.000001:4',
    '1/binlog:4',
    '1/binlog.000001',
    '1/binlog.000001:x',
    '1/binlog.000001:9007199254740992',
    '1/bin/log.000001:4',
    '1/bin\nlog.000001:4',
    `1/${'b'.repeat(700)}.000001:4`,
  ])('is refused: %s', (text) => {
    expect(() => parse(text)).toThrow(invalid);
  });

  it.each([
    '',
    '5',
    '0-1',
    `${uuid}:1-2`,
    `${uuid}:tag:blue:1`,
    `${uuid}:`,
    ' 0-1-5',
    `${uuid}:0`,
    '1/binlog.000001',
    `0-1-5,0-1-6`,
  ])('is no single transaction: %j', (id) => {
    const set = parse('0-1-4');
    expect(() => set.add(id)).toThrow(invalid);
    expect(() => set.covers(id)).toThrow(invalid);
    expect(set.toString()).toBe('0-1-4');
  });

  it('is refused for any text, or is a set: nothing else happens', () => {
    const pieces = fc.constantFrom(
      uuid,
      '0-1-5',
      '1/b.1:4',
      ':',
      '-',
      ',',
      ' ',
      '/',
      '.',
      '7',
      'tag',
      '\0',
      '😀',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces).map((list) => list.join('')),
        ),
        (text) => {
          const outcome = outcomeOf(() => parse(text).toString());
          expect(['accepted', 'CHECKPOINT_INVALID']).toContain(outcome);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('is bounded in length, and the longest allowed is read without pain in the worst order', () => {
    expect(() => parse(' '.repeat(maxSetTextLength + 1))).toThrow(invalid);
    let text = uuid;
    for (let number = 900_000; text.length < maxSetTextLength - 8; number -= 2) text += `:${number}`;
    const set = parse(text);
    expect(set.covers(`${uuid}:900000`) && !set.covers(`${uuid}:899999`)).toBe(true);
  });
});

describe('a clone', () => {
  it('goes its own way, also where the original has holes', () => {
    const set = parse(`${uuid}:1:3:5,0-1-5,1/b.000001:4`);
    const text = set.toString();
    const clone = set.clone();
    for (const id of [`${uuid}:2`, `${uuid}:6`, `${other}:1`, '0-1-6', '1/b.000002:4']) clone.add(id);
    expect(set.toString()).toBe(text);
    expect(clone.toString()).toBe(`0-1-6,${uuid}:1-3:5-6,${other}:1,1/b.000002:4`);
  });
});
