import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../../store/src/clock.js';
import { BinlogReader } from '../../../store/src/source/binlog-reader.js';
import type { DumpStart } from '../../../store/src/source/replica-connection.js';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';

/** The code with which reading ends; `during` is called once events come. */
async function endOf(
  source: DatabaseServer,
  start: DumpStart,
  during: () => Promise<unknown> = () => Promise.resolve(),
): Promise<unknown> {
  await using reader = new BinlogReader({
    source: { host: source.host, port: source.port, user: source.user },
    serverId: 4_000_000_010,
    start,
    clock: systemClock,
    heartbeatMs: 1_000,
  });
  let begun = false;
  try {
    for await (const batch of reader.batches()) {
      expect(batch.length).toBeGreaterThan(0);
      if (!begun) await during();
      begun = true;
    }
    return 'the end';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

onEachServer('what the servers say with one error number', (flavour) => {
  const reset = flavour === 'mariadb' ? 'RESET MASTER' : 'RESET BINARY LOGS AND GTIDS';

  it('is told apart: a purged file, purged GTIDs, a place that is none, another with our server id', async () => {
    await using server = await startServer(flavour);
    await server.query(
      'CREATE DATABASE a; CREATE DATABASE b; FLUSH BINARY LOGS; CREATE DATABASE c; FLUSH BINARY LOGS',
    );
    const uuid =
      flavour === 'mysql' ? ((await server.query('SELECT @@server_uuid AS u')) as { u: string }[])[0]!.u : '';
    const gtids = (from: number): string => (flavour === 'mariadb' ? `0-1-${from}` : `${uuid}:1-${from}`);
    expect(await endOf(server, { file: 'binlog.000001', position: 200 })).toBe('BINLOG_POSITION');
    expect(await endOf(server, { file: 'binlog.000002', position: 900_000 })).toBe('BINLOG_POSITION');
    expect(await endOf(server, { executed: gtids(900) })).toBe('SOURCE_HISTORY_CHANGED');
    await server.query("PURGE BINARY LOGS TO 'binlog.000003'");
    expect(await endOf(server, { file: 'binlog.000001', position: 4 })).toBe('BINLOG_PURGED');
    expect(await endOf(server, { executed: gtids(1) })).toBe('GTID_PURGED');
    const newest: DumpStart = { file: 'binlog.000003', position: 4 };
    expect(await endOf(server, newest, async () => void endOf(server, newest).catch(() => undefined))).toBe(
      'SERVER_ID_IN_USE',
    );
  });

  it('is BINLOG_POSITION for the middle of an event, whatever stands there', async () => {
    // Without checksums: nothing but what the bytes look like tells that they are no event.
    await using server = await startServer(flavour, { args: ['--binlog-checksum=NONE'] });
    // An event that is longer than any can be, one that is shorter, and one that reaches beyond the file.
    const patterns = [Buffer.alloc(60, 'z'), Buffer.alloc(60), Buffer.alloc(60, Buffer.from([0, 0x20]))];
    await server.query(
      `CREATE DATABASE a; CREATE TABLE a.t (v BLOB);
       INSERT INTO a.t VALUES ${patterns.map((bytes) => `(X'${bytes.toString('hex')}')`).join(', ')}`,
    );
    const file = await readFile(join(server.dataDir, 'binlog.000001'));
    for (const bytes of patterns) {
      const at = file.indexOf(bytes);
      expect(at).toBeGreaterThan(0);
      for (const position of [at + 2, at + 3])
        expect([bytes[1], await endOf(server, { file: 'binlog.000001', position })]).toEqual([
          bytes[1],
          'BINLOG_POSITION',
        ]);
    }
  });

  it('is BINLOG_RESET when the binlogs are reset while they are read', async () => {
    await using server = await startServer(flavour);
    await server.query('CREATE DATABASE a; FLUSH BINARY LOGS');
    const start: DumpStart = { file: 'binlog.000002', position: 4 };
    const code = await endOf(server, start, async () => {
      await server.query(reset);
      await server.query('CREATE DATABASE fresh; FLUSH BINARY LOGS; FLUSH BINARY LOGS');
    });
    expect(code).toBe('BINLOG_RESET');
  });
});
