import { TransactionSet } from '@drc/protocol';
import pino from 'pino';
import { expect, it } from 'vitest';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, expectConserved, stopCode } from './capture-rig.js';

const markTable = `CREATE TABLE drc.congo_origin (site VARCHAR(28) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  task VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, worker INT UNSIGNED NOT NULL,
  marked BIGINT UNSIGNED NOT NULL, PRIMARY KEY (site, task, worker)) ENGINE=InnoDB`;
const tables = `CREATE DATABASE drc; ${markTable}; CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(500))`;
const mark = (site: string, worker = 0): string =>
  `INSERT INTO drc.congo_origin VALUES ('${site}', 'task', ${worker}, 1) ON DUPLICATE KEY UPDATE marked = marked + 1`;
const row = (id: number): string => `INSERT INTO shop.t VALUES (${id}, 'x')`;

async function captured(server: DatabaseServer, rig: CaptureRig): Promise<void> {
  await rig.reaches(await newestId(server));
}

/** The keys inserted into shop.t by origin, in order; every chunk of a transaction says the same origin. */
async function origins(rig: CaptureRig): Promise<[string, number[]][]> {
  const found: [string, number[]][] = [];
  const byLsn = new Map((await rig.transactions()).map((transaction) => [transaction.lsn, transaction]));
  const { signal } = new AbortController();
  for (let cursor = { lsn: 1, chunk: 0 }; ; ) {
    const { chunks, next } = await rig.log.read(cursor, { maxBytes: 1024 * 1024, signal });
    if (chunks.length === 0) return found.filter(([, ids]) => ids.length > 0);
    for (const { lsn, chunk, origin } of chunks) {
      if (chunk > 0) expect(origin).toBe(found.at(-1)![0]);
      else {
        const { changes } = byLsn.get(lsn)!;
        const ids = changes.flatMap((change) =>
          change.kind === 'insert' && change.table === 'shop.t' ? [Number(change.after['id'])] : [],
        );
        found.push([origin, ids]);
      }
    }
    cursor = next;
  }
}

onEachServer('The origin of a transaction', (flavour) => {
  it('is the site of a mark that is its first row, whatever else it holds, and stays so over restarts', async () => {
    await using server = await startServer(flavour);
    await using folder = await temporaryFolder('origin');
    const expected: [string, number[]][] = [];
    const write = async (origin: string, id: number, ...statements: string[]): Promise<void> => {
      await server.query(['BEGIN', ...statements, 'COMMIT'].join('; '));
      expected.push([origin, [id]]);
    };
    await server.query(tables);
    // The filter decides nothing here.
    const start = (): Promise<CaptureRig> =>
      CaptureRig.start({ source: server, folder, filter: { include: ['shop.*'] } });
    {
      await using rig = await start();
      await write('a', 1, mark('a'), row(1));
      await write('a', 2, mark('a'), row(2));
      await write('b_2', 3, mark('b_2', 7), row(3));
      await write('', 4, row(4));
      await write('', 5, row(5), mark('a'));
      // Undone, it marks nothing; what follows may.
      await write('', 6, 'SAVEPOINT s', mark('a'), 'ROLLBACK TO s', row(6));
      await write('b', 7, 'SAVEPOINT s', mark('a'), 'ROLLBACK TO s', mark('b'), row(7));
      // No marks: rows that are restored, cleared, or that name no site.
      await write('', 8, "INSERT INTO drc.congo_origin VALUES ('x', 't', 0, 0), ('y', 't', 0, 0)", row(8));
      await write('', 9, "DELETE FROM drc.congo_origin WHERE site = 'x'", row(9));
      await write('', 10, "INSERT INTO drc.congo_origin VALUES ('No site', 't', 0, 0)", row(10));
      await captured(server, rig);
      expect(await origins(rig)).toEqual(expected);
      expectConserved(rig);
    }
    await write('a', 11, mark('a'), row(11));
    // A large one comes in several chunks, all of one origin.
    await write(
      'a',
      12,
      mark('a'),
      row(12),
      ...Array.from({ length: 60 }, () => 'UPDATE shop.t SET v = REPEAT(SHA2(RAND(), 512), 3)'),
    );
    await server.restart();
    await write('a', 13, 'SET SESSION binlog_row_image = MINIMAL', mark('a'), row(13));
    {
      await using rig = await start();
      await captured(server, rig);
      expect(await origins(rig)).toEqual(expected);
      const { events } = rig.capture.counters.snapshot();
      const marks = Object.values(events).map(({ leftOut }) => leftOut['origin-mark'] ?? 0);
      // The table map and the row of each.
      expect(marks.reduce((sum, count) => sum + count, 0)).toBe(6);
      expect(await rig.changes()).not.toContainEqual(expect.objectContaining({ table: 'drc.congo_origin' }));
    }
  });

  it('of rows that were prepared under XA is that of the transaction that prepared them', async () => {
    await using server = await startServer(flavour);
    await using folder = await temporaryFolder('origin-xa');
    await server.query(tables);
    const xa = (name: string, ...statements: string[]): string =>
      [`XA START '${name}'`, ...statements, `XA END '${name}'`].join('; ');
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await server.query(`${xa('one', mark('a'), row(1))}; XA COMMIT 'one' ONE PHASE`);
      const session = await server.connect({ multipleStatements: true });
      await session.query(`${xa('two', mark('b'), row(2))}; XA PREPARE 'two'`);
      await captured(server, rig);
      await server.query(row(3));
      await captured(server, rig);
      await session.query("XA COMMIT 'two'");
      await session.query(`${xa('three', row(4))}; XA PREPARE 'three'; XA COMMIT 'three'`);
      await session.end();
      await captured(server, rig);
    }
    await using rig = await CaptureRig.start({ source: server, folder });
    expect(await origins(rig)).toEqual([
      ['a', [1]],
      ['', [3]],
      ['b', [2]],
      ['', [4]],
    ]);
  });

  it('is not taken from a table of that name with other columns, which is captured like any other', async () => {
    await using server = await startServer(flavour);
    await server.query(
      'CREATE DATABASE drc; CREATE TABLE drc.congo_origin (site VARCHAR(28) PRIMARY KEY, n INT); CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v INT)',
    );
    const warnings: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
    await using rig = await CaptureRig.start({ source: server, logger });
    await server.query(
      "BEGIN; INSERT INTO drc.congo_origin VALUES ('a', 1); INSERT INTO shop.t VALUES (1, 1); COMMIT",
    );
    await captured(server, rig);
    expect(await origins(rig)).toEqual([['', [1]]]);
    expect(await rig.changes()).toContainEqual({
      kind: 'insert',
      table: 'drc.congo_origin',
      after: { site: 'a', n: 1 },
    });
    expect(warnings.join('')).toContain('drc.congo_origin');
  });

  it('is never missed: a mark that is written as a statement stops capture, whatever is ignored', async () => {
    await using server = await startServer(flavour);
    await server.query(tables);
    await using rig = await CaptureRig.start({ source: server, filter: { ignoreStatements: ['drc.*'] } });
    await server.query(`SET SESSION binlog_format = STATEMENT; ${mark('a')}`);
    expect(await stopCode(rig)).toBe('STATEMENT_EVENT');
  });
});

onServer('mysql', 'A tagged GTID', () => {
  it('is the origin where its tag is drc_<site>, also of compressed transactions and of DDL', async () => {
    await using server = await startServer('mysql');
    await server.query(tables);
    await using rig = await CaptureRig.start({ source: server });
    const tagged = (tag: string, ...statements: string[]): Promise<unknown> =>
      server.query([`SET gtid_next = 'AUTOMATIC:${tag}'`, ...statements].join('; '));
    await tagged('drc_a', row(1));
    await tagged('drc_a_long_name_of_a_site_123456', 'BEGIN', row(2), 'COMMIT');
    await tagged('backup', row(3));
    await tagged('drc_', row(4));
    await tagged('drc_b', 'SET binlog_transaction_compression = ON', row(5));
    await tagged('drc_b', "XA START 'x'", row(6), "XA END 'x'", "XA PREPARE 'x'", "XA COMMIT 'x'");
    await server.query(`SET binlog_transaction_compression = ON; BEGIN; ${mark('c')}; ${row(7)}; COMMIT`);
    await tagged('drc_d', 'CREATE TABLE shop.u (id INT PRIMARY KEY)');
    const [set] = (await server.query('SELECT @@GLOBAL.gtid_executed AS executed')) as { executed: string }[];
    const executed = TransactionSet.parse(set!.executed);
    await rig.until(() => executed.isSubsetOf(rig.log.capture.executed));
    await rig.log.flush();
    expect(await origins(rig)).toEqual([
      ['a', [1]],
      ['a_long_name_of_a_site_123456', [2]],
      ['', [3]],
      ['', [4]],
      ['b', [5]],
      ['b', [6]],
      ['c', [7]],
    ]);
    const { chunks } = await rig.log.read(
      { lsn: rig.log.head.value.lsn, chunk: 0 },
      { maxBytes: 1, signal: new AbortController().signal },
    );
    expect(chunks[0]!.origin).toBe('d');
  });
});
