import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { skipTransaction } from '@drc/store';
import { EventFlag, EventType, eventHeaderBytes } from '../../store/src/source/binlog-events.js';
import { binlogEvents } from '../support/binlog-file.js';
import { startServer, type DatabaseServer, type Flavour } from '../support/database-server.js';
import { onEachServer, onServer } from '../support/on-each-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { currentBinlog } from '../store/source/binlog-rows.js';
import type { CaptureSnapshot } from '../../store/src/source/capture-counters.js';
import { CaptureRig, expectConserved } from '../store/source/capture-rig.js';

const fourGiB = 2 ** 32;
/** Events that readers leave out, or do not even ask for, of zeros: on disk they take nothing. */
const fillerBytes = 8 * 1024 * 1024;
const fillers = 512;
/** The server, or this process, goes through all of it. */
const deadlineMs = 240_000;
const fillerType = { mysql: EventType.IGNORABLE, mariadb: EventType.ANNOTATE_ROWS } as const;

/**
 * Puts more than 4 GiB into the first transaction of a closed file without checksums.
 * @returns the end of each transaction
 */
async function stretch(server: DatabaseServer, file: string): Promise<number[]> {
  const path = join(server.dataDir, file);
  const events = binlogEvents(await readFile(path));
  // Behind its GTID and its BEGIN: what skips the transaction skips them with it.
  const first = events.findIndex(({ type }) => type === EventType.TABLE_MAP);
  const ends: number[] = [];
  const handle = await open(path, 'r+');
  try {
    let { offset } = events[first]!;
    for (let filler = 0; filler < fillers; filler++) {
      const header = Buffer.alloc(eventHeaderBytes);
      events[0]!.bytes.copy(header);
      header[4] = fillerType[server.flavour];
      header.writeUInt32LE(fillerBytes, 9);
      header.writeUInt32LE((offset + fillerBytes) % fourGiB, 13);
      header.writeUInt16LE(EventFlag.ignorable, 17);
      // What stood here is moved: nothing but zeros is left of it.
      await handle.write(
        filler === 0 ? Buffer.concat([header, Buffer.alloc(100_000)]) : header,
        0,
        null,
        offset,
      );
      offset += fillerBytes;
    }
    for (const { type, bytes } of events.slice(first)) {
      bytes.writeUInt32LE((offset + bytes.length) % fourGiB, 13);
      await handle.write(bytes, 0, bytes.length, offset);
      offset += bytes.length;
      if (type === EventType.XID) ends.push(offset);
    }
  } finally {
    await handle.close();
  }
  return ends;
}

/** Captures behind the first transaction of a stretched file, and then goes on with the same log. */
async function readBeyond(flavour: Flavour, args: readonly string[]): Promise<CaptureSnapshot> {
  await using server = await startServer(flavour, { args: ['--binlog-checksum=NONE', ...args] });
  await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); FLUSH BINARY LOGS');
  const file = await currentBinlog(server);
  await server.query(
    'INSERT INTO shop.t VALUES (1); INSERT INTO shop.t VALUES (2); INSERT INTO shop.t VALUES (3); FLUSH BINARY LOGS',
  );
  const ends = await stretch(server, file);
  expect(ends[0]).toBeGreaterThan(fourGiB);
  await using folder = await temporaryFolder('large-file');
  // Behind the second, as if it had been stored there by a capture that ended: the third comes next.
  const start = { kind: 'position', position: { file, offset: ends[1]! } } as const;
  await using rig = await CaptureRig.start({ source: server, folder, start });
  await rig.until(() => rig.log.head.value.lsn === 1, deadlineMs);
  const changes = await rig.changes();
  expect(changes).toEqual([{ kind: 'insert', table: 'shop.t', after: { id: 3 } }]);
  expectConserved(rig);
  return rig.capture.counters.snapshot();
}

onEachServer('a binlog file of more than 4 GiB', (flavour) => {
  it('is read on beyond them by GTID', async () => {
    const { tables } = await readBeyond(flavour, []);
    expect(tables['shop.t']).toMatchObject({ read: 1, stored: 1 });
  });
});

onServer('mysql', 'a binlog file of more than 4 GiB without GTIDs', (flavour) => {
  it('is read from its beginning, and what is stored already is left out', async () => {
    const { events } = await readBeyond(flavour, ['--gtid-mode=OFF']);
    expect(events['ANONYMOUS_GTID']).toEqual({ read: 3, stored: 1, leftOut: { 'already-stored': 2 } });
  });

  it('has behind them the transaction that is left out by hand, and never one that is stored', async () => {
    await using server = await startServer(flavour, { args: ['--binlog-checksum=NONE', '--gtid-mode=OFF'] });
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); FLUSH BINARY LOGS');
    const file = await currentBinlog(server);
    await server.query(
      `INSERT INTO shop.t VALUES (1); INSERT INTO shop.t VALUES (2);
       SET SESSION binlog_format = 'STATEMENT'; INSERT INTO shop.t VALUES (3);
       SET SESSION binlog_format = 'ROW'; INSERT INTO shop.t VALUES (4); FLUSH BINARY LOGS`,
    );
    const ends = await stretch(server, file);
    await using folder = await temporaryFolder('large-file-skip');
    const start = { kind: 'position', position: { file, offset: ends[0]! } } as const;
    let lost: string;
    {
      await using rig = await CaptureRig.start({ source: server, folder, start });
      const fault = (await rig.capture.ended)!;
      expect(fault.code).toBe('STATEMENT_EVENT');
      lost = String(fault.details['transaction']);
      expect(lost.endsWith(`/${file}:${ends[1]}`)).toBe(true);
    }
    const { host, port, user, password } = server;
    const skipped = await skipTransaction(
      {
        topic: 'shop',
        directory: folder.file('log'),
        source: {
          host,
          port,
          others: undefined,
          user,
          password: undefined,
          passwordFile: undefined,
          connectTimeoutMs: 30_000,
          tls: undefined,
        },
        capture: { start, include: [], exclude: [], excludeColumns: [], ignoreStatements: [] },
        log: { retentionMs: 86_400_000, retentionBytes: undefined, syncIntervalMs: 200, reserveBytes: 0 },
      },
      { transaction: lost, apply: { reason: 'a statement', by: 'anna@db' } },
      { logger: pino({ level: 'silent' }), sourcePassword: password, signal: new AbortController().signal },
    );
    expect([skipped.from, skipped.to]).toEqual([`${file}:${ends[1]}`, `${file}:${ends[2]}`]);
    await using rig = await CaptureRig.start({ source: server, folder, start });
    await rig.until(() => rig.log.head.value.lsn === 3, deadlineMs);
    expect((await rig.transactions(3)).flatMap(({ changes }) => changes)).toEqual([
      { kind: 'insert', table: 'shop.t', after: { id: 4 } },
    ]);
  });
});
