import { DrcError } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { sourceError } from '../../../store/src/source/source-error.js';

describe('sourceError', () => {
  it.each([
    [1236, 'Could not find first log file name in binary log index file', 'BINLOG_PURGED'],
    [
      1236,
      'Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old and required binlog files have been purged.',
      'GTID_PURGED',
    ],
    [1236, 'The binlog on the master is missing the GTID 0-1-5 requested by the slave', 'GTID_PURGED'],
    [
      1236,
      "Error: connecting slave requested to start from GTID 0-1-900, which is not in the master's binlog",
      'SOURCE_HISTORY_CHANGED',
    ],
    [1236, 'Client requested master to start replication from impossible position', 'BINLOG_POSITION'],
    [1236, 'bogus data in log event; the first event …', 'BINLOG_POSITION'],
    [1236, 'could not find next log; the first event …', 'BINLOG_RESET'],
    [1236, 'Cannot replicate GTID-transaction when @@GLOBAL.GTID_MODE = OFF, at file …', 'SOURCE_GTID_MODE'],
    [
      1236,
      'Cannot replicate anonymous transaction when @@GLOBAL.GTID_MODE = ON, at file …',
      'SOURCE_GTID_MODE',
    ],
    [1236, 'Cannot replicate anonymous transaction when AUTO_POSITION = 1, at file …', 'SOURCE_LOST'],
    [
      1236,
      'A slave with the same server_uuid/server_id as this slave has connected to the master',
      'SERVER_ID_IN_USE',
    ],
    [
      4052,
      'A slave with the same server_uuid/server_id as this slave has connected to the master',
      'SERVER_ID_IN_USE',
    ],
    [1236, 'event read from binlog did not pass crc check', 'CHECKSUM_MISMATCH'],
    [
      1236,
      'log event entry exceeded max_allowed_packet; Increase max_allowed_packet on master',
      'SOURCE_CONFIG',
    ],
    [
      1236,
      "binlog truncated in the middle of event; consider out of disk space on source; the first event 'b.000001' at 200, the last event read from './b.000001' at 127, the last byte read from './b.000001' at 554.",
      'BINLOG_POSITION',
    ],
    [
      1236,
      "log event entry exceeded max_allowed_packet; Increase max_allowed_packet on source; the first event 'b.000001' at 200, the last event read from './b.000001' at 127, the last byte read from './b.000001' at 219.",
      'BINLOG_POSITION',
    ],
    [
      1236,
      "log event entry exceeded max_allowed_packet; Increase max_allowed_packet on source; the first event 'b.000001' at 200, the last event read from './b.000001' at 500, the last byte read from './b.000001' at 519.",
      'SOURCE_CONFIG',
    ],
    [
      1236,
      "binlog truncated in the middle of event; consider out of disk space on source; the first event 'b.000001' at 200, the last event read from './b.000001' at 500, the last byte read from './b.000001' at 554.",
      'EVENT_MALFORMED',
    ],
    [
      1236,
      "binlog truncated in the middle of event; consider out of disk space on master; the first event 'b.000001' at 200, the last event read from 'b.000001' at 200, the last byte read from 'b.000001' at 219.",
      'BINLOG_POSITION',
    ],
    [
      1236,
      "binlog truncated in the middle of event; consider out of disk space on master; the first event 'b.000001' at 200, the last event read from 'b.000001' at 300, the last byte read from 'b.000001' at 319.",
      'EVENT_MALFORMED',
    ],
    [1236, 'a text that nobody has seen', 'SOURCE_LOST'],
    [1045, "Access denied for user 'a'@'b'", 'SOURCE_AUTH'],
    [
      1227,
      'Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s)',
      'SOURCE_PRIVILEGE',
    ],
    [1040, 'Too many connections', 'SOURCE_UNREACHABLE'],
    [1927, 'Connection was killed', 'SOURCE_LOST'],
  ])('takes error %i "%s" for %s', (errno, message, code) => {
    expect(sourceError(Object.assign(new Error(message), { errno, sqlMessage: message })).code).toBe(code);
  });

  it.each([
    ['ECONNREFUSED', 'SOURCE_UNREACHABLE'],
    ['ENOTFOUND', 'SOURCE_UNREACHABLE'],
    ['ETIMEDOUT', 'SOURCE_UNREACHABLE'],
    ['PROTOCOL_CONNECTION_LOST', 'SOURCE_LOST'],
    ['ECONNRESET', 'SOURCE_LOST'],
  ])('takes %s for %s', (reason, code) => {
    expect(sourceError(Object.assign(new Error('x'), { code: reason, errno: -1 })).code).toBe(code);
  });

  it('names no error by a number that means something else on the other server', () => {
    const message = 'A slave with the same server_uuid/server_id as this slave has connected to the master';
    const ofMariaDb = sourceError(
      Object.assign(new Error(message), { errno: 4052, code: 'ER_INVALID_MFA_PLUGIN_SPECIFIED' }),
    );
    expect(ofMariaDb.details).toEqual({ errno: 4052 });
    const ofBoth = sourceError(
      Object.assign(new Error('x'), { errno: 1045, code: 'ER_ACCESS_DENIED_ERROR' }),
    );
    expect(ofBoth.details).toEqual({ errno: 1045, reason: 'ER_ACCESS_DENIED_ERROR' });
  });

  it('leaves a typed error as it is, and takes whatever else is thrown', () => {
    const error = new DrcError('BINLOG_PURGED', 'x');
    expect(sourceError(error)).toBe(error);
    expect(sourceError(undefined).code).toBe('SOURCE_LOST');
  });
});
