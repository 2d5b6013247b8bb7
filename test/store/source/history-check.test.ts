import { TransactionSet } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import {
  begunFault,
  executedFault,
  fileFault,
  identityFault,
} from '../../../store/src/source/history-check.js';

const mariadb = (serverId: number) => ({ flavour: 'mariadb', uuid: '', serverId }) as const;
const mysql = (uuid: string) => ({ flavour: 'mysql', uuid, serverId: 1 }) as const;
const files = [
  { file: 'binlog.000009', size: 500 },
  { file: 'binlog.000010', size: 900 },
];

describe('the check of a source’s history', () => {
  it('knows another server by its id or uuid', () => {
    expect(identityFault(mariadb(1), mariadb(1))).toBeUndefined();
    expect(identityFault(mariadb(2), mariadb(1))?.code).toBe('SOURCE_CHANGED');
    expect(identityFault({ ...mysql('a'), serverId: 5 }, mysql('a'))).toBeUndefined();
    expect(identityFault(mysql('b'), mysql('a'))?.code).toBe('SOURCE_CHANGED');
    expect(identityFault(mysql('a'), mariadb(1))?.code).toBe('SOURCE_CHANGED');
  });

  it.each([
    ['binlog.000009', 500, undefined],
    ['binlog.000010', 4, undefined],
    ['binlog.000010', 901, 'SOURCE_HISTORY_CHANGED'],
    ['binlog.000008', 4, 'BINLOG_PURGED'],
    ['binlog.000011', 4, 'SOURCE_HISTORY_CHANGED'],
    ['other.000009', 4, 'SOURCE_HISTORY_CHANGED'],
  ])('takes %s:%i for %s', (file, offset, code) => {
    expect(fileFault(files, { file, offset })?.code).toBe(code);
  });

  it('knows a file by when it was begun, where the log has that', () => {
    const place = { file: 'binlog.000009', offset: 4 };
    expect(begunFault(100, place)).toBeUndefined();
    expect(begunFault(100, { ...place, begun: 100 })).toBeUndefined();
    expect(begunFault(101, { ...place, begun: 100 })?.code).toBe('SOURCE_HISTORY_CHANGED');
  });

  it('compares file numbers as numbers', () => {
    expect(fileFault([{ file: 'b.1000000', size: 9 }], { file: 'b.999999', offset: 4 })?.code).toBe(
      'BINLOG_PURGED',
    );
  });

  it.each([
    ['0-1-5', '0-1-5', undefined],
    ['', '', undefined],
    ['0-1-5,1-2-3', '0-1-5,1-2-3', undefined],
    // A forgotten domain.
    ['0-1-5', '0-1-5,1-2-3', undefined],
    ['0-1-4', '0-1-5', 'SOURCE_HISTORY_CHANGED'],
    ['0-1-6', '0-1-5', 'SOURCE_HISTORY_CHANGED'],
    ['0-2-5', '0-1-5', 'SOURCE_HISTORY_CHANGED'],
    ['0-1-5,1-2-3', '0-1-5', 'SOURCE_HISTORY_CHANGED'],
    ['', '0-1-5', 'SOURCE_HISTORY_CHANGED'],
    [undefined, '0-1-5', 'SOURCE_HISTORY_CHANGED'],
  ])('takes %j at the position of a log that has %j for %s', (atPosition, executed, code) => {
    const captured = {
      identity: mariadb(1),
      position: { file: 'binlog.000010', offset: 500 },
      executed: TransactionSet.parse(executed),
    };
    const theirs = atPosition === undefined ? undefined : TransactionSet.parse(atPosition);
    expect(executedFault(theirs, captured)?.code).toBe(code);
  });
});
