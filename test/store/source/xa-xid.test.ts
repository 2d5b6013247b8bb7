import { DrcError } from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventType, eventHeaderBytes } from '../../../store/src/source/binlog-events.js';
import { parseQueryBody } from '../../../store/src/source/query-event.js';
import { parseXaPrepare, parseXaStatement, xidKey } from '../../../store/src/source/xa-xid.js';
import { serverBinlog } from '../../support/binlog-file.js';
import { startServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';

const outcome = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error instanceof DrcError ? error.code : String(error);
  }
};

onEachServer('XA transactions', (flavour) => {
  it('have one XID in every event that is about them', async () => {
    await using server = await startServer(flavour);
    const transaction = (xid: string, id: number, decision: string): string =>
      `XA START ${xid}; INSERT INTO t VALUES (${id}); XA END ${xid}; XA PREPARE ${xid}; ${decision} ${xid}`;
    await server.query(`CREATE DATABASE shop; USE shop; CREATE TABLE t (id INT PRIMARY KEY); FLUSH BINARY LOGS;
      ${transaction(`'plain'`, 1, 'XA COMMIT')};
      ${transaction(`'quo''te', 'b"\\\\', 2147483647`, 2, 'xa /* as it is */ rollback')};
      ${transaction(`X'00FF0A', B'01100001', 0x10`, 3, 'XA COMMIT')};
      ${transaction(`'${'g'.repeat(64)}', '${'q'.repeat(64)}', 0`, 4, 'XA ROLLBACK')};
      XA START 'one'; INSERT INTO t VALUES (5); XA END 'one'; XA COMMIT 'one' ONE PHASE;
      XA START 'nothing'; XA END 'nothing'; XA PREPARE 'nothing'; XA COMMIT 'nothing';
      XA START 'undone'; INSERT INTO t VALUES (6); XA END 'undone'; XA ROLLBACK 'undone'`);
    const found = (await serverBinlog(server, 'binlog.000002')).flatMap(({ type, bytes, bodyEnd }) => {
      if (type === EventType.XA_PREPARE) {
        const { xid, onePhase } = parseXaPrepare(bytes, eventHeaderBytes, bodyEnd);
        return `${onePhase ? 'one phase' : 'prepare'} ${xid}`;
      }
      if (type !== EventType.QUERY) return [];
      const { statementAt } = parseQueryBody(bytes, eventHeaderBytes, bodyEnd);
      const statement = parseXaStatement(bytes.subarray(statementAt, bodyEnd));
      return statement === undefined ? [] : `${statement.verb} ${statement.xid}`;
    });
    // On MariaDB the GTID event stands for XA START, and a one-phase group ends by XID.
    const isMysql = flavour === 'mysql';
    const group = (xid: string, last: string, decision?: string): string[] => [
      ...(isMysql ? [`start ${xid}`] : []),
      `end ${xid}`,
      `${last} ${xid}`,
      ...(decision === undefined ? [] : [`${decision} ${xid}`]),
    ];
    const hex = (text: string): string => `X'${Buffer.from(text).toString('hex')}'`;
    expect(found).toEqual([
      ...group(`${hex('plain')},X'',1`, 'prepare', 'commit'),
      ...group(`${hex(`quo'te`)},${hex('b"\\')},2147483647`, 'prepare', 'rollback'),
      ...group(`X'00ff0a',X'61',16`, 'prepare', 'commit'),
      ...group(`${hex('g'.repeat(64))},${hex('q'.repeat(64))},0`, 'prepare', 'rollback'),
      ...(isMysql ? group(`${hex('one')},X'',1`, 'one phase') : []),
    ]);
  });
});

describe('an XA_PREPARE event', () => {
  const body = (onePhase: number, format: number, gtrid: Buffer, bqual: Buffer): Buffer => {
    const fixed = Buffer.alloc(13);
    fixed[0] = onePhase;
    fixed.writeUInt32LE(format, 1);
    fixed.writeUInt32LE(gtrid.length, 5);
    fixed.writeUInt32LE(bqual.length, 9);
    return Buffer.concat([fixed, gtrid, bqual]);
  };
  const read = (bytes: Buffer): unknown => outcome(() => parseXaPrepare(bytes, 0, bytes.length));

  it('gives the XID that a statement about it gives', () => {
    const part = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        part,
        part,
        (onePhase, format, gtrid, bqual) => {
          const xid = xidKey(format, gtrid, bqual);
          expect(read(body(onePhase ? 1 : 0, format, gtrid, bqual))).toEqual({ xid, onePhase });
          expect(parseXaStatement(Buffer.from(`XA COMMIT ${xid}`))).toEqual({ verb: 'commit', xid });
        },
      ),
    );
  });

  it.each<[string, Buffer]>([
    ['is too short', Buffer.alloc(12)],
    ['has a length that is too great', body(0, 1, Buffer.from('a'), Buffer.from('b')).subarray(0, -1)],
    [
      'has bytes behind its XID',
      Buffer.concat([body(0, 1, Buffer.from('a'), Buffer.from('b')), Buffer.from([0])]),
    ],
    ['has a part of 65 bytes', body(0, 1, Buffer.alloc(65), Buffer.alloc(0))],
    ['has another number of phases', body(2, 1, Buffer.from('a'), Buffer.alloc(0))],
  ])('is malformed where it %s', (_, bytes) => {
    expect(read(bytes)).toBe('EVENT_MALFORMED');
  });
});

describe('a statement', () => {
  it.each<[string, unknown]>([
    [`XA START X'61',X'',1`, { verb: 'start', xid: `X'61',X'',1` }],
    [`XA END X'61',X'',1`, { verb: 'end', xid: `X'61',X'',1` }],
    [`XA ROLLBACK X'61',X'62',4294967295`, { verb: 'rollback', xid: `X'61',X'62',4294967295` }],
    [`XA COMMIT X'61',X'62',1 ONE PHASE`, { verb: 'commit', xid: `X'61',X'62',1` }],
    ['BEGIN', undefined],
    ['XAVIER', undefined],
    ['', undefined],
    [`XA COMMIT 'a'`, 'UNSUPPORTED_EVENT'],
    [`xa commit X'61',X'',1`, 'UNSUPPORTED_EVENT'],
    [`XA COMMIT X'6',X'',1`, 'UNSUPPORTED_EVENT'],
    [`XA COMMIT X'61',X'',1;`, 'UNSUPPORTED_EVENT'],
    [`XA SUSPEND X'61',X'',1`, 'UNSUPPORTED_EVENT'],
  ])('%s', (text, expected) => {
    expect(outcome(() => parseXaStatement(Buffer.from(text)))).toEqual(expected);
  });
});
