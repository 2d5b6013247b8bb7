import { expect, test } from 'vitest';
import { EventType, type BinlogEvent } from '../../../store/src/source/binlog-events.js';
import { GroupScan, type ScannedGroup } from '../../../store/src/source/group-scan.js';

const file = 'binlog.000001';
const bytes = 50;

/** Events of 50 bytes each, the first of which begins at 100. */
class Events {
  readonly list: BinlogEvent[] = [];

  #place(type: number) {
    return { type, timestamp: 7, serverId: 1, offset: 100 + bytes * (this.list.length + 1) };
  }

  gtid(fields: Partial<BinlogEvent & { kind: 'gtid' }> = {}): this {
    this.list.push({
      ...this.#place(EventType.MARIADB_GTID),
      kind: 'gtid',
      id: '0-1-7',
      commitTime: 7_000_000,
      begins: true,
      ...fields,
    });
    return this;
  }

  query(text: string): this {
    this.list.push({
      ...this.#place(EventType.QUERY),
      kind: 'query',
      defaultSchema: 'shop',
      sqlMode: 0,
      charset: [45, 45, 45],
      timeZone: '',
      statement: Buffer.from(text),
    });
    return this;
  }

  plain(kind: 'xid' | 'statement-part' | 'heartbeat', type: number): this {
    this.list.push({ ...this.#place(type), kind });
    return this;
  }

  xid(): this {
    return this.plain('xid', EventType.XID);
  }

  prepare(onePhase: boolean): this {
    this.list.push({
      ...this.#place(EventType.XA_PREPARE),
      kind: 'xa-prepare',
      xid: "X'61',X'',1",
      onePhase,
    });
    return this;
  }

  unsupported(type: number): this {
    this.list.push({ ...this.#place(type), kind: 'unsupported', why: 'it is new' });
    return this;
  }

  rotate(): this {
    this.list.push({ ...this.#place(EventType.ROTATE), kind: 'rotate', file: 'binlog.000002', position: 4 });
    return this;
  }

  /** What the scan says after all of them. */
  get state() {
    const scan = new GroupScan();
    for (const event of this.list) scan.push(event, bytes, file);
    return scan.state;
  }

  /** The transaction, which must end with the last event. */
  get group(): ScannedGroup {
    const { state } = this;
    if (state.kind !== 'ended' || state.offset !== 100 + bytes * this.list.length)
      throw new Error(`It has not ended there: ${JSON.stringify(state)}`);
    return state.group;
  }
}

const events = (): Events => new Events();

test('a transaction goes from its GTID to its end, and names what its statements write', () => {
  const group = events()
    .gtid()
    .query('INSERT INTO a VALUES (1)')
    .query('UPDATE `b c`.d SET e = 1')
    .xid().group;
  expect(group).toMatchObject({ id: '0-1-7', commitTime: 7_000_000, bytes: 200, rowsEvents: 0 });
  expect(group.from).toEqual({ file, offset: 100 });
  expect([...group.written.keys()]).toEqual(['shop.a', 'b c.d']);
  expect(group.anyTable).toBeUndefined();
  expect(Object.fromEntries(group.events)).toEqual({ MARIADB_GTID: 1, QUERY: 2, XID: 1 });
});

test.each([
  ['COMMIT', events().gtid().query('INSERT INTO a VALUES (1)').query('COMMIT')],
  ['ROLLBACK', events().gtid().query('INSERT INTO a VALUES (1)').query('ROLLBACK')],
  ['a BEGIN of its own', events().gtid({ begins: false }).query('BEGIN').query('REPLACE a VALUES (1)').xid()],
  ['no GTID', events().query('BEGIN').query('DELETE FROM a').query('COMMIT')],
  ['one statement', events().gtid({ begins: false }).query('CREATE TABLE a SELECT 1 AS one')],
  ['a savepoint', events().gtid().query('SAVEPOINT s').query('DELETE FROM a').query('ROLLBACK TO s').xid()],
])('its end is found with %s', (_, list) => {
  const { tables, written, anyTable } = list.group;
  expect(new Set([...tables, ...written.keys()])).toEqual(new Set(['shop.a']));
  expect(anyTable).toBeUndefined();
});

test('one without a GTID is named by server, file and offset', () => {
  expect(events().query('BEGIN').query('DELETE FROM a').xid().group).toMatchObject({
    id: `1/${file}:100`,
    commitTime: 7_000_000,
  });
});

test.each([
  ['several tables', events().gtid().query('UPDATE a, b SET a.x = b.x').xid(), /UPDATE does not tell/],
  ['a call', events().gtid().query('CALL work()').xid(), /CALL does not tell/],
  ['an unknown statement', events().gtid().query('FROBNICATE a').xid(), /unknown kind/],
  ['an event of an unknown type', events().gtid().unsupported(190).xid(), /UNKNOWN_190 event is not under/],
  [
    'a file of LOAD DATA',
    events().gtid().plain('statement-part', EventType.EXECUTE_LOAD_QUERY).xid(),
    /statement that does not name/,
  ],
  ['a schema', events().gtid({ begins: false }).query('DROP DATABASE shop'), /DROP DATABASE names no table/],
  [
    'the commit of what is not known',
    events().gtid({ begins: false }).query("XA COMMIT X'61',X'',1"),
    /prepared before/,
  ],
])('it may have changed any table with %s', (_, list, why) => {
  expect(list.group.anyTable).toMatch(why);
});

test('one that is prepared says under which XID; in one phase it is committed', () => {
  const xa = (onePhase: boolean) =>
    events()
      .gtid({ begins: false })
      .query("XA START X'61',X'',1")
      .query('DELETE FROM a')
      .query("XA END X'61',X'',1")
      .prepare(onePhase).group.preparedAs;
  expect(xa(false)).toBe("X'61',X'',1");
  expect(xa(true)).toBeUndefined();
});

test('an event that stands alone and is not understood is one of its own', () => {
  const list = events().plain('heartbeat', EventType.HEARTBEAT).unsupported(EventType.INCIDENT);
  expect(list.group).toMatchObject({ id: `1/${file}:150`, anyTable: 'its INCIDENT event is not understood' });
});

test.each([
  ['another begins before it ends', events().gtid().query('DELETE FROM a').gtid({ id: '0-1-8' })],
  ['its file ends before it does', events().gtid().query('DELETE FROM a').rotate()],
  ['the position is within it', events().xid()],
  ['a statement that may begin it cannot be read', events().gtid({ begins: false }).query('XA FROBNICATE 1')],
])('its end cannot be told where %s', (_, list) => {
  expect(list.state.kind).toBe('endless');
});

test('it has neither begun nor ended before its events are there', () => {
  expect(events().rotate().plain('heartbeat', EventType.HEARTBEAT).state).toEqual({ kind: 'before' });
  expect(events().gtid().query('DELETE FROM a').state).toEqual({ kind: 'inside', id: '0-1-7' });
});

test('an event that cannot be read makes it any table, but for rows whose table was named', () => {
  const anyTable = (type: number, isDamaged: boolean): string | undefined => {
    const scan = new GroupScan();
    const [gtid, xid] = events().gtid().xid().list;
    scan.push(gtid!, bytes, file);
    scan.unreadable(type, bytes, isDamaged);
    scan.push(xid!, bytes, file);
    if (scan.state.kind !== 'ended') throw new Error('It has not ended.');
    expect(scan.state.group.bytes).toBe(3 * bytes);
    return scan.state.group.anyTable;
  };
  expect(anyTable(EventType.WRITE_ROWS, false)).toBeUndefined();
  expect(anyTable(EventType.WRITE_ROWS, true)).toBe('its WRITE_ROWS event cannot be read');
  expect(anyTable(EventType.TABLE_MAP, false)).toBe('its TABLE_MAP event cannot be read');
});

test('of what its statements call the names are kept, once each, however many statements there are', () => {
  const list = events().gtid();
  for (let id = 0; id < 100; id++)
    list.query(`INSERT INTO a VALUES (${id}, Tax(${id}), \`own fun\` (1), 'no(')`);
  const { written } = list.xid().group;
  expect([...written]).toEqual([['shop.a', new Set(['values', 'tax', 'own fun'])]]);
});
