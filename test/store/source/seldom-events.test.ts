import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventFlag, EventType, eventTypeName } from '../../../store/src/source/binlog-events.js';
import { insertEvents, type CraftedEvent } from '../../support/binlog-file.js';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { currentBinlog } from './binlog-rows.js';
import { CaptureRig, expectConserved, stopCode } from './capture-rig.js';

/*
 * No statement makes a server write these (but one that INCIDENT follows: test/specs/incident.sql). They are put into a binlog file that the server has closed, and the server
 * sends them.
 */

const text = (length: 1 | 2, value: string): Buffer => {
  const head = Buffer.alloc(length);
  head.writeUIntLE(value.length, 0, length);
  return Buffer.concat([head, Buffer.from(value)]);
};

/** Incident u16 (1: events were lost) | message. */
const incident: CraftedEvent = {
  type: EventType.INCIDENT,
  body: Buffer.concat([Buffer.of(1, 0), text(1, 'mysqld startup')]),
};

/** Thread, seconds, length of the schema, error, length of variables | schema, zero, statement. */
const query = (statement: string): CraftedEvent => ({
  type: EventType.QUERY,
  body: Buffer.concat([Buffer.alloc(8), Buffer.of(4, 0, 0, 0, 0), Buffer.from(`shop\0${statement}`)]),
});

/** The last of the events is the one that stops the store. */
const stopping: readonly (readonly [string, string, ...CraftedEvent[]])[] = [
  ['UNSUPPORTED_EVENT', 'that the source itself lost changes', incident],
  ['UNSUPPORTED_EVENT', 'an unknown type', { type: 199, body: Buffer.alloc(20) }],
  [
    'UNSUPPORTED_EVENT',
    'rows of a server before 5.1',
    { type: EventType.PRE_GA_WRITE_ROWS, body: Buffer.alloc(30) },
  ],
  ['UNSUPPORTED_EVENT', 'a slave’s event of 4.0', { type: EventType.SLAVE, body: Buffer.alloc(30) }],
  [
    'UNSUPPORTED_EVENT',
    'a part of a row, as MariaDB 12.3 writes it',
    { type: EventType.PARTIAL_ROW_DATA, body: Buffer.alloc(30) },
  ],
  ['STATEMENT_EVENT', 'LOAD DATA as 4.0 wrote it', { type: EventType.NEW_LOAD, body: Buffer.alloc(30) }],
  [
    'UNSUPPORTED_EVENT',
    'a ROLLBACK of what a table was dropped behind',
    ...['BEGIN', 'CREATE TABLE u (id INT)', 'DROP TABLE u', 'ROLLBACK'].map(query),
  ],
  ['STATEMENT_EVENT', 'a file of LOAD DATA', { type: EventType.CREATE_FILE, body: Buffer.alloc(30) }],
];

/** Files of one row each, one after the other; each with the crafted events in front of its last. */
async function filesWith(
  server: DatabaseServer,
  crafted: readonly (readonly CraftedEvent[])[],
): Promise<string[]> {
  await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
  const files: string[] = [];
  for (const [id, events] of crafted.entries()) {
    await server.query('FLUSH BINARY LOGS');
    const file = await currentBinlog(server);
    await server.query(`INSERT INTO shop.t VALUES (${id}); FLUSH BINARY LOGS`);
    await insertEvents(server, file, events);
    files.push(file);
  }
  await server.query('INSERT INTO shop.t VALUES (1000)');
  return files;
}

const idsOf = async (rig: CaptureRig): Promise<unknown[]> =>
  (await rig.changes()).flatMap((change) => ('after' in change ? [change.after['id']] : []));

onEachServer('what a server writes hardly ever', (flavour) => {
  let server: DatabaseServer;
  let files: string[];
  beforeAll(async () => {
    server = await startServer(flavour);
    files = await filesWith(
      server,
      stopping.map(([, , ...events]) => events),
    );
  });
  afterAll(() => server?.stop());

  it.each(stopping.map(([code, what, ...events], id) => ({ code, what, event: events.at(-1)!, id })))(
    'stops the store with $code: $what',
    async ({ code, event, id }) => {
      await using folder = await temporaryFolder('seldom');
      const start = { kind: 'position', position: { file: files[id]!, offset: 4 } } as const;
      // Whoever starts it again gets the same answer.
      for (let attempt = 0; attempt < 2; attempt++) {
        await using rig = await CaptureRig.start({ source: server, folder, start });
        expect(await stopCode(rig)).toBe(code);
        expect((await rig.capture.ended)!.details).toMatchObject({
          file: files[id],
          event: eventTypeName(event.type),
        });
        expect(await idsOf(rig)).toEqual([id]);
        expectConserved(rig);
      }
    },
  );
});

describe('what a source marks as of no importance', () => {
  const ignorable: readonly CraftedEvent[] = [
    { type: 198, body: Buffer.alloc(20), flags: EventFlag.ignorable },
    { type: EventType.IGNORABLE, body: Buffer.alloc(3), flags: EventFlag.ignorable },
  ];
  onEachServer('is left out and counted', (flavour) => {
    it('between transactions, and nothing else is', async () => {
      await using server = await startServer(flavour);
      await filesWith(server, [ignorable, []]);
      await using rig = await CaptureRig.start({ source: server });
      await rig.reaches(await newestId(server));
      expect(await idsOf(rig)).toEqual([0, 1, 1000]);
      const { events } = rig.capture.counters.snapshot();
      for (const { type } of ignorable)
        expect(events[eventTypeName(type)]).toEqual({ read: 1, stored: 0, leftOut: { ignorable: 1 } });
      expectConserved(rig);
    });
  });
});

onServer('mysql', 'Group Replication', (flavour) => {
  it('adds events of its own, which are left out and counted', async () => {
    await using server = await startServer(flavour);
    // View id | sequence number u64 | count of certification entries u32; within a transaction of its own.
    const view: CraftedEvent = {
      type: EventType.VIEW_CHANGE,
      body: Buffer.concat([Buffer.from('17000000000000000:1'.padEnd(40, '\0')), Buffer.alloc(12)]),
    };
    const context: CraftedEvent = { type: EventType.TRANSACTION_CONTEXT, body: Buffer.alloc(40) };
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); FLUSH BINARY LOGS');
    const file = await currentBinlog(server);
    await server.query('INSERT INTO shop.t VALUES (1); FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (2)');
    // FORMAT_DESCRIPTION, PREVIOUS_GTIDS, GTID, then QUERY: within the transaction.
    await insertEvents(server, file, [context], 3);
    await insertEvents(server, file, [view], 5);
    await using rig = await CaptureRig.start({ source: server });
    await rig.reaches(await newestId(server));
    expect(await idsOf(rig)).toEqual([1, 2]);
    const { events } = rig.capture.counters.snapshot();
    for (const name of ['VIEW_CHANGE', 'TRANSACTION_CONTEXT'])
      expect(events[name]).toEqual({ read: 1, stored: 0, leftOut: { informational: 1 } });
    expectConserved(rig);
  });
});
