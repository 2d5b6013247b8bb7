import { expect, it } from 'vitest';
import { systemClock } from '../../../store/src/clock.js';
import { BinlogReader } from '../../../store/src/source/binlog-reader.js';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, expectConserved, stopCode } from './capture-rig.js';
import { captured, orders, plain, resetBinlog, sharedSource, story } from './shared-source.js';

/** MySQL refuses to write it. */
const backwards = [
  'a sequence number that goes back',
  "SET SESSION gtid_seq_no = 1; INSERT INTO shop.t VALUES (2, 'x')",
  'GTID_OUT_OF_ORDER',
] as const;

onEachServer('Capture that cannot go on', (flavour) => {
  const source = sharedSource(flavour);

  const stopping: readonly (readonly [string, string, string])[] = [
    [
      'a statement in text',
      "SET SESSION binlog_format = 'STATEMENT'; INSERT INTO shop.t VALUES (2, 'x')",
      'STATEMENT_EVENT',
    ],
    [
      'CREATE TABLE … SELECT in text',
      "SET SESSION binlog_format = 'STATEMENT'; CREATE TABLE shop.s AS SELECT 1",
      'STATEMENT_EVENT',
    ],
    ...(flavour === 'mariadb' ? [backwards] : []),
  ];
  it.each(stopping)(
    'stops before %s, keeps what came before, and says which transaction it is',
    async (_, sql, code) => {
      const server = source();
      await server.query(orders);
      await using rig = await captured(server, "INSERT INTO shop.t VALUES (1, 'kept')");
      const { position } = rig.log.capture;
      await server.query(sql);
      expect(await stopCode(rig)).toBe(code);
      const error = await rig.capture.ended;
      expect(error!.details).toMatchObject({ file: position!.file });
      expect((await story(rig)).flat()).toEqual(['insert shop.t 1,kept']);
      expect(rig.log.capture.position).toEqual(position);
    },
  );

  it('leaves statements out that write an ignored table', async () => {
    const server = source();
    await server.query(
      `${orders}; CREATE DATABASE tools; CREATE TABLE tools.checksums (a INT PRIMARY KEY, b INT)`,
    );
    await using rig = await captured(
      server,
      "SET SESSION binlog_format = 'STATEMENT'; REPLACE INTO tools.checksums SELECT 1, COUNT(*) FROM shop.t; SET SESSION binlog_format = 'ROW'; INSERT INTO shop.t VALUES (1, 'x')",
      { filter: { ignoreStatements: ['tools.*'] } },
    );
    expect((await story(rig)).flat()).toEqual(['insert shop.t 1,x']);
    expect(rig.capture.counters.snapshot().events['QUERY']!.leftOut).toEqual({ 'ignored-statement': 1 });
    expectConserved(rig);
  });

  it('says BINLOG_PURGED, SOURCE_HISTORY_CHANGED or SOURCE_CHANGED when it comes back to another source', async () => {
    const server = source();
    await using other = await startServer(flavour, { serverId: 2 });
    await using folder = await temporaryFolder('changed');
    await server.query(orders);
    await server.query("INSERT INTO shop.t VALUES (1, 'x')");
    const end = await newestId(server);
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.reaches(end);
    }
    {
      await using rig = await CaptureRig.start({ source: other, folder });
      expect(await stopCode(rig)).toBe('SOURCE_CHANGED');
    }
    await server.query('FLUSH BINARY LOGS; FLUSH BINARY LOGS; FLUSH BINARY LOGS');
    await purgeAllButLast(server);
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      expect(await stopCode(rig)).toBe('BINLOG_PURGED');
      expect((await rig.transactions()).length).toBe(3);
    }
    await server.query(
      `${resetBinlog(flavour)}; DROP DATABASE shop; CREATE DATABASE shop; CREATE DATABASE a; CREATE DATABASE b; CREATE DATABASE c`,
    );
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
    }
  });

  /** The same statements with other values: the same GTIDs at the same offsets. */
  const rebuilt = async (server: DatabaseServer, value: string): Promise<void> => {
    await server.query(
      `SET sql_log_bin = 0; DROP DATABASE IF EXISTS shop; DO SLEEP(1.1); ${resetBinlog(flavour)}`,
    );
    await server.query(orders);
    await server.query(`INSERT INTO shop.t VALUES (1, '${value}')`);
  };

  it('says SOURCE_HISTORY_CHANGED when the source was set up anew by the same statements', async () => {
    const server = source();
    await using folder = await temporaryFolder('rebuilt');
    await rebuilt(server, 'old');
    const end = await newestId(server);
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.reaches(end);
    }
    {
      // The same history is still accepted.
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.until(() => rig.capture.state.kind === 'streaming');
    }
    await rebuilt(server, 'new');
    expect(await newestId(server)).toBe(end);
    await server.query("INSERT INTO shop.t VALUES (2, 'new')");
    await using rig = await CaptureRig.start({ source: server, folder });
    expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
    expect((await rig.capture.ended)!.message).toContain('is not the stored one');
    expect((await story(rig)).flat()).toContain('insert shop.t 1,old');
    expect((await story(rig)).flat().join()).not.toContain('new');
  });

  it('says so too when that happens while it is connected', async () => {
    const server = source();
    await rebuilt(server, 'old');
    await using rig = await CaptureRig.start({ source: server, heartbeatMs: 1_000 });
    await rig.reaches(await newestId(server));
    await rebuilt(server, 'new');
    await server.query("INSERT INTO shop.t VALUES (2, 'new')");
    expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
    expect((await story(rig)).flat().join()).not.toContain('new');
  });

  it('stops with SERVER_ID_IN_USE when another replica takes its server id', async () => {
    const server = source();
    await server.query(orders);
    await using rig = await captured(server, "INSERT INTO shop.t VALUES (1, 'x')");
    await using _second = new BinlogReader({
      source: plain(server),
      serverId: rig.log.replicaServerId,
      start: { file: rig.log.capture.position!.file, position: 4 },
      clock: systemClock,
    });
    expect(await stopCode(rig)).toBe('SERVER_ID_IN_USE');
  });

  it('stops when the binlogs are reset under it', async () => {
    const server = source();
    await server.query(orders);
    await using rig = await captured(server, "FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (1, 'x')");
    await server.query(resetBinlog(flavour));
    await server.query('CREATE DATABASE fresh');
    expect(['SOURCE_HISTORY_CHANGED', 'BINLOG_PURGED', 'BINLOG_RESET']).toContain(await stopCode(rig));
  });
});

onServer('mysql', 'Capture that cannot go on', (flavour) => {
  const source = sharedSource(flavour);

  it('says of a partial update of JSON by which statement it ends', async () => {
    const server = source();
    await server.query(`${orders}; CREATE TABLE shop.j (id INT PRIMARY KEY, doc JSON)`);
    await using rig = await captured(
      server,
      "INSERT INTO shop.j VALUES (1, JSON_OBJECT('a', REPEAT('b', 200), 'c', 1))",
    );
    await server.query(
      "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'; UPDATE shop.j SET doc = JSON_SET(doc, '$.c', 2)",
    );
    expect(await stopCode(rig)).toBe('UNSUPPORTED_EVENT');
    const { message } = (await rig.capture.ended)!;
    expect(message).toContain("SET GLOBAL binlog_row_value_options = ''");
    expect(message).toContain('drc store skip');
  });
});

/** The source keeps a file while a dump thread that is ending still has it open. */
async function purgeAllButLast(server: DatabaseServer): Promise<void> {
  for (;;) {
    const files = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
    if (files.length === 1) return;
    await server.query(`PURGE BINARY LOGS TO '${files.at(-1)!.Log_name}'`);
  }
}
