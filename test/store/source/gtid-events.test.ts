import { DrcError, TransactionSet } from '@drc/protocol';
import type { RowDataPacket } from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import { EventType, eventHeaderBytes } from '../../../store/src/source/binlog-events.js';
import { mariadbGtid, mysqlGtid, taggedGtid, type GtidEvent } from '../../../store/src/source/gtid-events.js';
import { serverBinlog, type FileEvent } from '../../support/binlog-file.js';
import { startMariadb, startMysql, type DatabaseServer } from '../../support/database-server.js';
import { onServer } from '../../support/on-each-server.js';

function gtidOf({ type, bytes, bodyEnd, offset }: FileEvent, file: string): GtidEvent | undefined {
  if (type === EventType.MARIADB_GTID) return mariadbGtid(bytes, bodyEnd, offset + bytes.length);
  if (type === EventType.GTID || type === EventType.ANONYMOUS_GTID)
    return mysqlGtid(bytes, bodyEnd, offset + bytes.length, file, offset);
  if (type === EventType.GTID_TAGGED) return taggedGtid(bytes, bodyEnd, offset + bytes.length);
  return undefined;
}

const gtidsOf = async (server: DatabaseServer, file: string): Promise<GtidEvent[]> =>
  (await serverBinlog(server, file)).flatMap((event) => gtidOf(event, file) ?? []);

/** What the server itself says of each group's first event. */
async function namedByServer(server: DatabaseServer, file: string): Promise<string[]> {
  const rows = (await server.query(`SHOW BINLOG EVENTS IN '${file}'`)) as {
    Event_type: string;
    Info: string;
  }[];
  return rows.filter(({ Event_type: type }) => /gtid(?!_?list|s)/i.test(type)).map(({ Info: info }) => info);
}

/** As TransactionSet reads ids: each adds itself and nothing else. */
function expectReadable(ids: readonly string[]): void {
  for (const id of ids) {
    const set = TransactionSet.parse('');
    set.add(id);
    expect(set.toString()).toBe(id);
    expect(set.covers(id)).toBe(true);
  }
}

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const largest = 2n ** 63n - 2n;

onServer('mysql', 'the GTID events', () => {
  it('have the ids that the server prints, whatever their uuid, tag and number', async () => {
    await using server = await startMysql();
    const uuids = [uuid, '00000000-0000-0000-0000-000000000000', '7f80ff01-7f80-ff01-7f80-ff017f80ff01'];
    const tags = ['a', '_', 'z9_', `_${'b'.repeat(31)}`, 'CamelCase'];
    const numbers = new Set([largest, largest - 1n, 1n]);
    for (let bit = 1n; bit < 63n; bit++)
      for (const number of [2n ** bit - 1n, 2n ** bit]) numbers.add(number);
    const statements = ['FLUSH BINARY LOGS'];
    const wanted: string[] = [];
    let turn = 0;
    for (const number of numbers) {
      const tag = tags[turn % tags.length]!;
      const source = uuids[turn % uuids.length]!;
      for (const id of [`${source}:${number}`, `${source}:${tag}:${number}`]) {
        statements.push(`SET gtid_next = '${id}'; BEGIN; COMMIT`);
        wanted.push(id.toLowerCase());
      }
      turn++;
    }
    await server.query(statements.join(';'));
    const found = (await gtidsOf(server, 'binlog.000002')).map(({ id }) => id);
    expect(found).toEqual(wanted);
    expect(await namedByServer(server, 'binlog.000002')).toEqual(
      found.map((id) => `SET @@SESSION.GTID_NEXT= '${id}'`),
    );
    expectReadable(found);
  });

  it('have the time at which this server committed, not that at which the first one did', async () => {
    await using server = await startMysql();
    const now = async (): Promise<number> =>
      Number(
        ((await server.query('SELECT UNIX_TIMESTAMP(NOW(6)) * 1000000 AS now')) as RowDataPacket[])[0]![
          'now'
        ],
      );
    await server.query('FLUSH BINARY LOGS');
    const before = await now();
    await server.query(`
      SET gtid_next = 'AUTOMATIC'; CREATE DATABASE a;
      SET gtid_next = 'AUTOMATIC:t'; CREATE DATABASE b;
      SET SESSION original_commit_timestamp = 1234567890123456, SESSION original_server_version = 80036;
      SET gtid_next = '${uuid}:1'; CREATE DATABASE c;
      SET gtid_next = '${uuid}:t:1'; CREATE DATABASE d`);
    const after = await now();
    const times = (await gtidsOf(server, 'binlog.000002')).map(({ commitTime }) => commitTime);
    expect(times.length).toBe(4);
    for (const time of times) {
      expect(time).toBeGreaterThanOrEqual(before);
      expect(time).toBeLessThanOrEqual(after);
    }
  });

  it('of the server’s own transactions are read under tags that are numbered apart', async () => {
    await using server = await startMysql();
    await server.query('FLUSH BINARY LOGS');
    const tags = Array.from({ length: 40 }, (_, index) => `tag_${index % 7}`);
    await server.query(
      tags.map((tag, index) => `SET gtid_next = 'AUTOMATIC:${tag}'; CREATE DATABASE d${index}`).join(';'),
    );
    const executed = new TransactionSet();
    for (const { id } of await gtidsOf(server, 'binlog.000002')) executed.add(id);
    const [row] = (await server.query(
      'SELECT @@GLOBAL.gtid_executed AS executed, @@server_uuid AS uuid',
    )) as RowDataPacket[];
    const all = TransactionSet.parse(String(row!['executed']));
    expect(executed.isSubsetOf(all)).toBe(true);
    expect(executed.toString()).toBe(
      `${row!['uuid']}:tag_0:1-6:tag_1:1-6:tag_2:1-6:tag_3:1-6:tag_4:1-6:tag_5:1-5:tag_6:1-5`,
    );
  });

  it('without GTID mode have their place as id', async () => {
    await using server = await startMysql({ args: ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF'] });
    await server.query('FLUSH BINARY LOGS; CREATE DATABASE a; CREATE DATABASE b');
    const file = 'binlog.000002';
    const events = (await serverBinlog(server, file)).filter(({ type }) => type === EventType.ANONYMOUS_GTID);
    const ids = (await gtidsOf(server, file)).map(({ id }) => id);
    expect(ids).toEqual(events.map(({ offset }) => `1/${file}:${offset}`));
    expect(ids.length).toBe(2);
    expectReadable(ids);
  });
});

onServer('mariadb', 'the GTID events', () => {
  it('have the ids that the server prints, whatever their domain, server and number', async () => {
    await using server = await startMariadb();
    const statements = ['FLUSH BINARY LOGS', 'SET SESSION gtid_seq_no = 1'];
    let turn = 0;
    const wanted: string[] = [];
    for (let bit = 0n; bit <= 64n; bit++)
      for (const number of new Set([2n ** bit - 2n, 2n ** bit - 1n, 2n ** bit])) {
        if (number < 1n || number > 2n ** 64n - 2n) continue;
        // Numbers of a domain must rise, so that each has its own.
        const domain = 2 ** 32 - 1 - turn;
        const serverId = 1 + ((turn * 22_000_000) % 4_294_967_295);
        statements.push(
          `SET SESSION gtid_domain_id = ${domain}, server_id = ${serverId}, gtid_seq_no = ${number}`,
          `CREATE DATABASE d${turn++}`,
        );
        wanted.push(`${domain}-${serverId}-${number}`);
      }
    await server.query(statements.join(';'));
    const found = (await gtidsOf(server, 'binlog.000002')).map(({ id }) => id);
    expect(found).toEqual(wanted);
    expect(await namedByServer(server, 'binlog.000002')).toEqual(found.map((id) => `GTID ${id}`));
    expectReadable(found);
  });

  it('tell what they stand for', async () => {
    await using server = await startMariadb();
    await server.query(`
      CREATE DATABASE shop; USE shop; CREATE TABLE t (id INT PRIMARY KEY); FLUSH BINARY LOGS;
      INSERT INTO t VALUES (1);
      XA START 'a', 'b', 7; INSERT INTO t VALUES (2); XA END 'a', 'b', 7; XA PREPARE 'a', 'b', 7; XA COMMIT 'a', 'b', 7;
      XA START X'00ff27'; INSERT INTO t VALUES (3); XA END X'00ff27'; XA PREPARE X'00ff27'; XA ROLLBACK X'00ff27';
      XA START 'one'; INSERT INTO t VALUES (4); XA END 'one'; XA COMMIT 'one' ONE PHASE;
      SET SESSION binlog_alter_two_phase = ON;
      ALTER TABLE t ADD c INT;
      INSERT INTO t VALUES (5, 5), (6, 5)`);
    await expect(
      server.query('USE shop; SET SESSION binlog_alter_two_phase = ON; ALTER TABLE t ADD UNIQUE u (c)'),
    ).rejects.toThrow('Duplicate entry');
    const found = (await gtidsOf(server, 'binlog.000002')).map(({ id, begins, xa, alter }) => ({
      id: id.replace(/^0-1-/, ''),
      begins,
      ...(xa === undefined ? {} : { xa }),
      ...(alter === undefined ? {} : { alter }),
    }));
    const first = Number(found[0]!.id);
    const id = (place: number): string => String(first + place);
    const prepared = (xid: string): object => ({ xa: { state: 'prepared', xid } });
    const decided = (xid: string): object => ({ xa: { state: 'decided', xid } });
    const alter = (part: string, start: number): object => ({ alter: { part, startId: `0-1-${id(start)}` } });
    expect(found).toEqual([
      { id: id(0), begins: true },
      { id: id(1), begins: true, ...prepared(`X'61',X'62',7`) },
      { id: id(2), begins: false, ...decided(`X'61',X'62',7`) },
      { id: id(3), begins: true, ...prepared(`X'00ff27',X'',1`) },
      { id: id(4), begins: false, ...decided(`X'00ff27',X'',1`) },
      { id: id(5), begins: true },
      { id: id(6), begins: false, ...alter('start', 6) },
      { id: id(7), begins: false, ...alter('commit', 6) },
      { id: id(8), begins: true },
      { id: id(9), begins: false, ...alter('start', 9) },
      { id: id(10), begins: false, ...alter('rollback', 9) },
    ]);
  });
});

describe('a tagged GTID', () => {
  /** One from MySQL 9.7: tag "a", number 2^63 - 2. */
  const real = Buffer.from(
    '027c000000027c22e9038ee22903228503790266210314a502845502c404fffcffffffffffffff06026108040a100c7f65d89a76e36006106d041283120b',
    'hex',
  );
  const eventOf = (body: Buffer): Buffer => {
    const event = Buffer.concat([Buffer.alloc(eventHeaderBytes), body]);
    event[4] = EventType.GTID_TAGGED;
    return event;
  };
  /** With the size in its second byte set right, and the last field that must be known. */
  const changed = (body: Buffer, lastNeeded = 0): Buffer => {
    const copy = Buffer.from(body);
    copy[1] = copy.length << 1;
    copy[2] = lastNeeded << 1;
    return copy;
  };
  const outcome = (body: Buffer): string => {
    try {
      return taggedGtid(eventOf(body), eventHeaderBytes + body.length, 0).id;
    } catch (error) {
      return error instanceof DrcError ? error.code : String(error);
    }
  };
  const id = `${uuid}:a:9223372036854775806`;
  const unknownField = Buffer.from([12 << 1, 0xff]);

  it.each<[string, Buffer, string]>([
    ['is read', real, id],
    [
      'may have fields of a newer server that can be left out',
      changed(Buffer.concat([real, unknownField])),
      id,
    ],
    [
      'is refused where a field is unknown that must be known',
      changed(Buffer.concat([real, unknownField]), 12),
      'UNSUPPORTED_EVENT',
    ],
    [
      'is refused in another version of its form',
      Buffer.concat([Buffer.from([4]), real.subarray(1)]),
      'UNSUPPORTED_EVENT',
    ],
    ['is malformed where its size is wrong', Buffer.concat([real, Buffer.from([0])]), 'EVENT_MALFORMED'],
    [
      'is malformed where a field comes twice',
      changed(Buffer.concat([real, Buffer.from([9 << 1, 0])])),
      'EVENT_MALFORMED',
    ],
    [
      'is malformed where it has no tag',
      changed(Buffer.concat([real.subarray(0, 40), real.subarray(43)])),
      'EVENT_MALFORMED',
    ],
    [
      'is malformed where it has no number',
      changed(Buffer.concat([real.subarray(0, 30), real.subarray(40)])),
      'EVENT_MALFORMED',
    ],
  ])('%s', (_, body, expected) => {
    expect(outcome(body)).toBe(expected);
  });

  it('is malformed wherever it is cut', () => {
    for (let end = 0; end < real.length; end++) {
      expect(outcome(real.subarray(0, end))).toBe('EVENT_MALFORMED');
      if (end > 3)
        expect(outcome(changed(real.subarray(0, end)))).toMatch(/^EVENT_MALFORMED$|:a:9223372036854775806$/);
    }
  });
});
