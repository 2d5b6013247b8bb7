import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer } from '../../support/on-each-server.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, expectConserved, type StoredChange } from './capture-rig.js';

const short = (change: StoredChange): string => {
  if (change.kind === 'ddl') return `${change.ddl.verb} ${change.ddl.tables.join()}`;
  const row = 'after' in change ? change.after : change.before;
  return `${change.kind} ${change.table} ${Object.values(row).join()}`;
};

onEachServer('a source that restarts', (flavour) => {
  it('says at first use that it emptied a MEMORY table, and has other tables under the old table ids', async () => {
    await using server = await startServer(flavour);
    await server.query(
      `CREATE DATABASE shop; CREATE TABLE shop.a (id INT, v TEXT); CREATE TABLE shop.b (x BIGINT); CREATE TABLE shop.c (y DATE);
       CREATE TABLE shop.m (id INT PRIMARY KEY) ENGINE = MEMORY; CREATE TABLE shop.n (id INT PRIMARY KEY) ENGINE = MEMORY`,
    );
    await using live = await CaptureRig.start({ source: server, start: { kind: 'now' } });
    await live.until(() => live.capture.state.kind === 'streaming');
    await server.query(
      "INSERT INTO shop.m VALUES (1); INSERT INTO shop.n VALUES (1); INSERT INTO shop.a VALUES (1, 'a')",
    );
    await live.reaches(await newestId(server));
    await server.restart();
    // Read first, and written first.
    await server.query('SELECT * FROM shop.m; INSERT INTO shop.n VALUES (2)');
    await server.query("INSERT INTO shop.b VALUES (7); INSERT INTO shop.c VALUES ('2026-11-22')");
    await server.query(
      "INSERT INTO shop.a VALUES (2, 'again'); BEGIN; INSERT INTO shop.m VALUES (3); COMMIT",
    );
    await live.reaches(await newestId(server));
    const expected = [
      'insert shop.m 1',
      'insert shop.n 1',
      'insert shop.a 1,a',
      'TRUNCATE TABLE shop.m',
      'TRUNCATE TABLE shop.n',
      'insert shop.n 2',
      'insert shop.b 7',
      'insert shop.c 2026-11-22',
      'insert shop.a 2,again',
      'insert shop.m 3',
    ];
    expect((await live.changes()).map(short)).toEqual(expected);
    expectConserved(live);
    // The same from the files, over one connection.
    await using later = await CaptureRig.start({ source: server });
    await later.reaches(await newestId(server));
    expect((await later.changes()).map(short).slice(-expected.length)).toEqual(expected);
    expectConserved(later);
  });

  it('may come to file 1000000, which is behind 999999', async () => {
    await using server = await startServer(flavour);
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
    await server.kill('SIGTERM');
    // As if it had written so many: the next number is one more than the largest that is there.
    const old = join(server.dataDir, 'binlog.000001');
    await rename(old, join(server.dataDir, 'binlog.999998'));
    const index = join(server.dataDir, 'binlog.index');
    await writeFile(index, (await readFile(index, 'utf8')).replace('000001', '999998'));
    await server.restart();
    await using folder = await temporaryFolder('a-million');
    const ids: unknown[] = [];
    for (const id of [1, 2]) {
      await server.query(`INSERT INTO shop.t VALUES (${id})`);
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.reaches(await newestId(server));
      await server.query(`FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (${id + 10})`);
      await rig.reaches(await newestId(server));
      ids.splice(0, Infinity, ...(await rig.changes()).slice(2).map(short));
    }
    expect(ids).toEqual([1, 11, 2, 12].map((id) => `insert shop.t ${id}`));
    const files = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
    expect(files.map(({ Log_name: name }) => name)).toEqual(
      ['999998', '999999', '1000000', '1000001'].map((number) => `binlog.${number}`),
    );
  });
});
