import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Congo } from '@drc/client-sdk/congo';
import { isDrcError, type DrcError } from '@drc/protocol';
import { skipTransaction, type Skip, type SkipRequest } from '@drc/store';
import { pino } from 'pino';
import { TestTarget } from '../client-sdk/congo/support/test-target.js';
import { rowOperation } from '../../store/src/source/rows-event-type.js';
import { EventType } from '../../store/src/source/binlog-events.js';
import { binlogEvents, insertEvents } from '../support/binlog-file.js';
import { startServer, type DatabaseServer } from '../support/database-server.js';
import { newestId } from '../support/gtid.js';
import { startHub, until, type TestHub, type TestStore } from '../support/hub.js';
import { freePort } from '../support/free-port.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';

const apply = { reason: 'batch job in STATEMENT format', by: 'anna@db-admin' };

function skip(hub: TestHub, request: SkipRequest, config = hub.store.config): Promise<Skip> {
  const logger = pino({ level: 'silent' });
  const { signal } = new AbortController();
  return skipTransaction(config, request, { logger, sourcePassword: hub.source.password, signal });
}

const failure = (promise: Promise<unknown>): Promise<DrcError> =>
  promise.then(
    () => {
      throw new Error('It was done.');
    },
    (error: unknown) => {
      if (isDrcError(error)) return error;
      throw error;
    },
  );

/** Runs the statements in one session that writes its changes as statements. @returns the id of the last transaction */
async function asStatements(source: DatabaseServer, ...statements: readonly string[]): Promise<string> {
  const connection = await source.connect();
  try {
    await connection.query("SET SESSION binlog_format = 'STATEMENT'");
    for (const statement of statements) await connection.query(statement);
  } finally {
    await connection.end();
  }
  return await newestId(source);
}

/** Turns a bit of the first rows event of a closed file. */
async function damageRows(server: DatabaseServer, file: string): Promise<void> {
  const path = join(server.dataDir, file);
  const bytes = await readFile(path);
  const rows = binlogEvents(bytes).find(({ type }) => rowOperation(type) !== undefined)!;
  bytes[rows.offset + rows.bodyEnd - 1]! ^= 1;
  await writeFile(path, bytes);
}

async function stopsWith(store: TestStore): Promise<string | undefined> {
  return (await store.store.captureEnded)?.code;
}

/** Ids of the rows inserted. */
const inserted = (changes: readonly { readonly kind: string }[]): readonly unknown[] =>
  changes.flatMap((change) =>
    'after' in change && change.kind === 'insert' ? [(change.after as { id: unknown }).id] : [],
  );

/** Read = left out, for each event type; and what is left out as skipped is what the transaction has. */
function expectSkipped({ counts, group }: Skip): void {
  for (const [name, { read, stored, leftOut }] of Object.entries(counts!.events)) {
    const { skipped = 0, ...others } = leftOut;
    const left = Object.values(others).reduce((sum, count) => sum + count, skipped);
    expect([name, stored, left]).toEqual([name, 0, read]);
    // Annotations are counted under their own reason.
    expect(group.events.get(name) ?? 0).toBe(skipped + (others.informational ?? 0) + (others.ignorable ?? 0));
  }
}

/** What each server compresses of what capture cannot take. */
const compressed = {
  mysql: {
    compress: "SET SESSION binlog_transaction_compression = ON, binlog_row_value_options = 'PARTIAL_JSON'",
    write: "UPDATE shop.docs SET doc = JSON_SET(doc, '$.b', 2)",
    rest: 'DO 0',
    code: 'UNSUPPORTED_EVENT',
    events: { GTID: 1, TRANSACTION_PAYLOAD: 1, PARTIAL_UPDATE_ROWS: 1, XID: 1 },
  },
  mariadb: {
    compress:
      "SET GLOBAL log_bin_compress = ON; SET GLOBAL log_bin_compress_min_len = 10; SET SESSION binlog_format = 'STATEMENT'",
    write: `INSERT INTO shop.docs VALUES (2, '{"a": "${'x'.repeat(500)}"}')`,
    rest: 'SET GLOBAL log_bin_compress = OFF',
    code: 'STATEMENT_EVENT',
    events: { MARIADB_GTID: 1, QUERY_COMPRESSED: 1, XID: 1 },
  },
} as const;

onEachServer('A transaction that capture cannot take', (flavour) => {
  let source: DatabaseServer;

  beforeAll(async () => {
    source = await startServer(flavour);
  });

  afterAll(async () => {
    await source.stop();
  });

  /** MariaDB frees what a session prepared a little after its end. */
  const decided = (statement: string): Promise<void> =>
    until(
      () =>
        source.query(statement).then(
          () => true,
          () => false,
        ),
      'The session that prepared has not ended.',
    );

  /** A hub over the shared source, whose log begins at the tables made anew. */
  async function hubOf(...tables: readonly string[]): Promise<TestHub> {
    await source.query('DROP DATABASE IF EXISTS shop; CREATE DATABASE shop');
    for (const table of tables) await source.query(`CREATE TABLE shop.${table}`);
    return startHub({ source, stores: [{ capture: { start: 'now' } }] });
  }

  it('is left out by its id: readers of its table acknowledge a GAP, and nothing else is lost', async () => {
    await using hub = await hubOf('orders (id INT PRIMARY KEY)', 'people (id INT PRIMARY KEY)');
    await source.query('INSERT INTO shop.orders VALUES (1); INSERT INTO shop.people VALUES (1)');
    const before = await newestId(source);
    await hub.store.reaches(before);
    const lost = await asStatements(source, 'INSERT INTO shop.orders VALUES (2), (3)');
    await source.query('INSERT INTO shop.people VALUES (2); INSERT INTO shop.orders VALUES (4)');
    const last = await newestId(source);
    expect(await stopsWith(hub.store)).toBe('STATEMENT_EVENT');

    expect((await failure(skip(hub, { transaction: lost, apply }))).code).toBe('LOG_LOCKED');
    await hub.store.stop();

    // A dry run, with and without the id, changes nothing.
    for (const request of [{}, { transaction: lost }]) {
      const shown = await skip(hub, request);
      expect(shown).toMatchObject({ tables: ['shop.orders'], anyTable: undefined, applied: false });
      expect(shown.group.id).toBe(lost);
      expect(shown.fault.code).toBe('STATEMENT_EVENT');
      expect(shown.group.bytes).toBe(Number(shown.to.split(':')[1]) - Number(shown.from.split(':')[1]));
    }
    const other = await failure(skip(hub, { transaction: last, apply }));
    expect(other.code).toBe('SKIP_OTHER_TRANSACTION');
    expect(other.details['transaction']).toBe(lost);
    const passed = await failure(skip(hub, { transaction: before, apply }));
    expect(passed.message).toContain(`The log has ${before} behind it already.`);
    await hub.store.start();
    expect(await stopsWith(hub.store)).toBe('STATEMENT_EVENT');
    await hub.store.stop();

    const done = await skip(hub, { transaction: lost, apply });
    expect(done.applied).toBe(true);
    expectSkipped(done);
    expect((await failure(skip(hub, { transaction: lost, apply }))).code).toBe('SKIP_OTHER_TRANSACTION');
    expect((await failure(skip(hub, {}))).code).toBe('SKIP_NOT_NEEDED');
    await hub.store.start();
    await hub.store.reaches(last);
    expect(hub.store.store.log.gaps).toBe(1);
    expect((await hub.store.restart()).capture.state.kind).not.toBe('stopped');
    expect(hub.store.store.log.gaps).toBe(1);
    await hub.store.reaches(last);

    const sdk = await hub.connect();
    await using orders = new Reading(sdk.subscribe('shop', { from: 'earliest', tables: ['shop.orders'] }));
    const first = await orders.take();
    expect(inserted(first.changes)).toEqual([1]);
    const gap = await failure(orders.next());
    expect(gap.code).toBe('GAP');
    expect(gap.details).toMatchObject({
      transaction: lost,
      tables: ['shop.orders'],
      reason: apply.reason,
      by: apply.by,
      cause: 'STATEMENT_EVENT',
    });

    // Whoever did not read on stays in front of it; the checkpoint of then goes on behind it.
    const acknowledged = {
      from: { checkpoint: first.checkpoint },
      tables: ['shop.orders'],
      acknowledgeGaps: [lost.toUpperCase()],
    };
    await using further = new Reading(sdk.subscribe('shop', acknowledged));
    const next = await further.take();
    expect(inserted(next.changes)).toEqual([4]);
    expect(next.checkpoint.covers(lost)).toBe(true);
    await using wrong = new Reading(sdk.subscribe('shop', { ...acknowledged, acknowledgeGaps: [last] }));
    expect((await failure(wrong.next())).code).toBe('GAP');

    await using people = new Reading(sdk.subscribe('shop', { from: 'earliest', tables: ['shop.people'] }));
    expect(inserted((await people.take()).changes)).toEqual([1]);
    expect(inserted((await people.take()).changes)).toEqual([2]);
  });

  it('makes a GAP for every table where the source tells that a statement reached further than it says', async () => {
    await using hub = await hubOf(
      'orders (id INT PRIMARY KEY)',
      'audit (id INT PRIMARY KEY)',
      'other (id INT)',
    );
    await source.query(
      'CREATE TRIGGER shop.noted AFTER INSERT ON shop.orders FOR EACH ROW INSERT INTO shop.audit VALUES (NEW.id)',
    );
    await hub.store.reaches(await newestId(source));
    const lost = await asStatements(source, 'INSERT INTO shop.orders VALUES (2)');
    expect(await stopsWith(hub.store)).toBe('STATEMENT_EVENT');
    await hub.store.stop();
    const shown = await skip(hub, { transaction: lost });
    expect(shown.tables).toEqual([]);
    expect(shown.anyTable).toContain('shop.orders, which has triggers');
    const named = await skip(hub, { transaction: lost, tables: ['shop.audit'] });
    expect(named.tables).toEqual(['shop.audit', 'shop.orders']);
    await skip(hub, { transaction: lost, apply });
    await hub.store.start();
    await source.query('INSERT INTO shop.other VALUES (1)');
    await hub.store.reaches(await newestId(source));
    const sdk = await hub.connect();
    await using other = new Reading(sdk.subscribe('shop', { from: 'earliest', tables: ['shop.other'] }));
    expect((await failure(other.next())).details['tables']).toEqual(['*']);
  });

  it('comes with its XA COMMIT where it was prepared, and not at all after an XA ROLLBACK', async () => {
    await using hub = await hubOf('orders (id INT PRIMARY KEY)');
    await hub.store.reaches(await newestId(source));
    const ends = ['COMMIT', 'ROLLBACK'];
    for (const [index, end] of ends.entries()) {
      const prepared = await asStatements(
        source,
        `XA START 'x${index}'`,
        `INSERT INTO shop.orders VALUES (${index})`,
        `XA END 'x${index}'`,
        `XA PREPARE 'x${index}'`,
      );
      expect(await stopsWith(hub.store)).toBe('STATEMENT_EVENT');
      await hub.store.stop();
      const done = await skip(hub, { transaction: prepared, apply });
      expect(done.group.preparedAs).toContain(Buffer.from(`x${index}`).toString('hex'));
      await decided(`XA ${end} 'x${index}'`);
      await source.query(`INSERT INTO shop.orders VALUES (1${index})`);
      await hub.store.start();
      await hub.store.reaches(await newestId(source));
      const sdk = await hub.connect();
      await using reading = new Reading(
        sdk.subscribe('shop', {
          from: 'earliest',
          tables: ['shop.orders'],
          ...(index === 0 ? {} : { acknowledgeGaps: [firstPrepared] }),
        }),
      );
      if (end === 'COMMIT') {
        firstPrepared = prepared;
        expect((await failure(reading.next())).details['transaction']).toBe(prepared);
      } else {
        expect(inserted((await reading.take()).changes)).toEqual([10]);
        expect(inserted((await reading.take()).changes)).toEqual([11]);
      }
    }
  });
  let firstPrepared = '';

  it('is left out for every table where it is the commit of what was prepared before the log began', async () => {
    const before = await asStatements(
      source,
      'CREATE DATABASE IF NOT EXISTS shop',
      'CREATE TABLE IF NOT EXISTS shop.early (id INT PRIMARY KEY)',
      "SET SESSION binlog_format = 'ROW'",
      "XA START 'early'",
      'REPLACE INTO shop.early VALUES (1)',
      "XA END 'early'",
      "XA PREPARE 'early'",
    );
    await using hub = await startHub({ source, stores: [{ capture: { start: 'now' } }] });
    await until(
      () => hub.store.store.log.capture.position !== undefined,
      `It does not begin behind ${before}.`,
    );
    await decided("XA COMMIT 'early'");
    const lost = await newestId(source);
    await source.query('REPLACE INTO shop.early VALUES (2)');
    expect(await stopsWith(hub.store)).toBe('XA_UNKNOWN');
    await hub.store.stop();
    const shown = await skip(hub, { transaction: lost, tables: ['shop.early', 'shop.other'], apply });
    expect(shown.tables).toEqual(['shop.early', 'shop.other']);
    expect(shown.anyTable).toMatch(
      /^it commits X'6561726c79',X'',1, which was prepared before the log begins$/,
    );
    await hub.store.start();
    await hub.store.reaches(await newestId(source));
  });

  it('can hold an event that nobody understands, or be one that stands by itself', async () => {
    await using hub = await hubOf('orders (id INT PRIMARY KEY)', 'people (id INT PRIMARY KEY)');
    await hub.store.reaches(await newestId(source));
    await hub.store.stop();
    // Each in a file of its own: a row, and in front of the file's end, or of the row's commit, what is not understood.
    const files: string[] = [];
    const own = async (id: number): Promise<string> => {
      await source.query('FLUSH BINARY LOGS');
      const logs = (await source.query('SHOW BINARY LOGS')) as { Log_name: string }[];
      await source.query(`INSERT INTO shop.orders VALUES (${id})`);
      files.push(logs.at(-1)!.Log_name);
      return await newestId(source);
    };
    const ids = [await own(1), await own(2), await own(3)];
    await source.query('FLUSH BINARY LOGS; INSERT INTO shop.people VALUES (1)');
    const last = await newestId(source);
    await insertEvents(source, files[0]!, [{ type: 190, body: Buffer.alloc(20) }], -2);
    await insertEvents(source, files[1]!, [{ type: EventType.INCIDENT, body: Buffer.of(1, 0, 0) }]);
    await damageRows(source, files[2]!);

    const seen: unknown[] = [];
    for (let left = 3; left > 0; left--) {
      await hub.store.start();
      expect(await stopsWith(hub.store)).toBeDefined();
      await hub.store.stop();
      const next = await skip(hub, {});
      expectSkipped(await skip(hub, { transaction: next.group.id, apply }));
      seen.push([next.fault.code, next.group.id, next.tables, next.anyTable]);
    }
    expect(seen).toEqual([
      ['UNSUPPORTED_EVENT', ids[0], [], 'its UNKNOWN_190 event is not understood'],
      [
        'UNSUPPORTED_EVENT',
        expect.stringMatching(new RegExp(`^\\d+/${files[1]}:\\d+$`)),
        [],
        'its INCIDENT event is not understood',
      ],
      ['CHECKSUM_MISMATCH', ids[2], [], expect.stringMatching(/^its WRITE_ROWS\w* event cannot be read$/)],
    ]);
    await hub.store.start();
    await hub.store.reaches(last);
    await hub.store.restart();
    const sdk = await hub.connect();
    const acknowledgeGaps = seen.map((skipped) => (skipped as [string, string])[1]);
    await using reading = new Reading(
      sdk.subscribe('shop', { from: 'earliest', tables: ['shop.orders', 'shop.people'], acknowledgeGaps }),
    );
    expect(inserted((await reading.take()).changes)).toEqual([2]);
    expect(inserted((await reading.take()).changes)).toEqual([1]);
  });

  it('is not taken for another history when it is the last in the log, nor when it stands before that', async () => {
    await using hub = await hubOf('orders (id INT PRIMARY KEY)');
    await hub.store.reaches(await newestId(source));
    await hub.store.stop();
    await source.query('FLUSH BINARY LOGS');
    const file = ((await source.query('SHOW BINARY LOGS')) as { Log_name: string }[]).at(-1)!.Log_name;
    await source.query('INSERT INTO shop.orders VALUES (1)');
    const lost = await newestId(source);
    await source.query('FLUSH BINARY LOGS');
    // Rows of a table that nothing describes, in front of the commit.
    await insertEvents(source, file, [{ type: EventType.WRITE_ROWS, body: Buffer.alloc(20) }], -2);
    await hub.store.start();
    expect(await stopsWith(hub.store)).toBe('EVENT_MALFORMED');
    await hub.store.stop();
    await skip(hub, { transaction: lost, apply });
    await hub.store.start();
    await source.query('INSERT INTO shop.orders VALUES (2)');
    await hub.store.reaches(await newestId(source));
    await hub.store.restart();
    await source.query('INSERT INTO shop.orders VALUES (3)');
    await hub.store.reaches(await newestId(source));
  });

  it('is looked into where it is compressed', async () => {
    await using hub = await hubOf('docs (id INT PRIMARY KEY, doc JSON)', 'people (id INT PRIMARY KEY)');
    await source.query(`INSERT INTO shop.docs VALUES (1, JSON_OBJECT('a', REPEAT('x', 200), 'b', 1))`);
    await hub.store.reaches(await newestId(source));
    const { compress, write, rest, code, events } = compressed[flavour];
    const connection = await source.connect({ multipleStatements: true });
    await connection.query(compress);
    await connection.query(write);
    const lost = await newestId(source);
    await connection.query(rest);
    await connection.end();
    await source.query('INSERT INTO shop.people VALUES (1)');
    expect(await stopsWith(hub.store)).toBe(code);
    await hub.store.stop();
    const done = await skip(hub, { transaction: lost, apply });
    expect(done).toMatchObject({ tables: ['shop.docs'], anyTable: undefined });
    expect(Object.fromEntries(done.group.events)).toMatchObject(events);
    expectSkipped(done);
    await hub.store.start();
    await hub.store.reaches(await newestId(source));
  });

  it('is not left out while capture would take it, nor when there is none', async () => {
    await using hub = await hubOf('orders (id INT PRIMARY KEY)');
    const head = await newestId(source);
    await hub.store.reaches(head);
    await hub.store.stop();
    expect((await failure(skip(hub, {}))).code).toBe('SKIP_NOT_NEEDED');
    await source.query('INSERT INTO shop.orders VALUES (1); INSERT INTO shop.orders VALUES (2)');
    const last = await newestId(source);
    const next = await failure(skip(hub, {}));
    expect(next.code).toBe('SKIP_NOT_NEEDED');
    const id = String(next.details['transaction']);
    expect((await failure(skip(hub, { transaction: id, apply }))).code).toBe('SKIP_NOT_NEEDED');
    expect((await failure(skip(hub, { transaction: last, apply }))).code).toBe('SKIP_OTHER_TRANSACTION');
    await hub.store.start();
    await hub.store.reaches(last);
  });

  it('is found by GTID where the store has several hosts, the first of which does not answer', async () => {
    await using hub = await hubOf('orders (id INT PRIMARY KEY)');
    await hub.store.reaches(await newestId(source));
    await hub.store.stop();
    const { config } = hub.store;
    const { host, port } = config.source;
    const hosts = {
      ...config,
      source: { ...config.source, port: await freePort(), others: [{ host, port }] },
    };
    expect((await failure(skip(hub, {}, hosts))).code).toBe('SKIP_NOT_NEEDED');
    const lost = await asStatements(source, 'INSERT INTO shop.orders VALUES (1)');
    await source.query('INSERT INTO shop.orders VALUES (2)');
    expect((await skip(hub, { transaction: lost, apply }, hosts)).tables).toEqual(['shop.orders']);
    await hub.store.start();
    await hub.store.reaches(await newestId(source));
  });

  it('stops a congo task until the task acknowledges it', async () => {
    await using hub = await hubOf('orders (id INT PRIMARY KEY)');
    await using target = await TestTarget.start(flavour);
    await target.reset('CREATE TABLE orders (id INT PRIMARY KEY)');
    await source.query('INSERT INTO shop.orders VALUES (1)');
    await hub.store.reaches(await newestId(source));
    const lost = await asStatements(source, 'INSERT INTO shop.orders VALUES (2)');
    await source.query('INSERT INTO shop.orders VALUES (3)');
    expect(await stopsWith(hub.store)).toBe('STATEMENT_EVENT');
    await hub.store.stop();
    await skip(hub, { transaction: lost, apply });
    await hub.store.start();
    const last = await newestId(source);
    await hub.store.reaches(last);
    const sdk = await hub.connect();
    const congo = (acknowledgeGaps: readonly string[]): Congo =>
      new Congo({
        hub: sdk,
        task: 'copy',
        topic: 'shop',
        tables: [{ from: 'shop.orders' }],
        target: target.options,
        acknowledgeGaps,
      });
    const gap = await failure(congo([]).run(new AbortController().signal));
    expect([gap.code, gap.details['transaction']]).toEqual(['GAP', lost]);
    expect(await target.rows('SELECT id FROM orders')).toEqual([{ id: 1 }]);

    // Whoever acknowledges has brought the target in line.
    await target.query('INSERT INTO shop.orders VALUES (2)');
    const stop = new AbortController();
    const ended = congo([lost]).run(stop.signal);
    await target.until(async () => (await target.record('copy'))?.covers(last) === true);
    stop.abort();
    await ended;
    expect(await target.rows('SELECT id FROM orders ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });
});
