import { expect, it } from 'vitest';
import { executedAt } from '../../../store/src/source/first-position.js';
import { SourceControl } from '../../../store/src/source/source-control.js';
import { startServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer } from '../../support/on-each-server.js';
import { CaptureRig, stopCode } from './capture-rig.js';

onEachServer('where an empty log begins', (flavour) => {
  it('is exactly behind what was executed there, at each end of a transaction', async () => {
    await using server = await startServer(flavour);
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
    await server.query('FLUSH BINARY LOGS');
    const ends: { file: string; offset: number; executed: string }[] = [];
    const variable = flavour === 'mariadb' ? 'gtid_binlog_pos' : 'gtid_executed';
    for (let id = 1; id <= 5; id++) {
      // MySQL names the events of tagged GTIDs otherwise.
      const tag = flavour === 'mysql' && id % 2 === 0 ? "SET gtid_next = 'AUTOMATIC:audit'; " : '';
      await server.query(`${tag}INSERT INTO shop.t VALUES (${id})`);
      const files = (await server.query('SHOW BINARY LOGS')) as { Log_name: string; File_size: number }[];
      const { Log_name: file, File_size: size } = files.at(-1)!;
      const rows = (await server.query(`SELECT @@GLOBAL.${variable} AS executed`)) as { executed: string }[];
      ends.push({ file, offset: size, executed: rows[0]!.executed });
    }
    await using control = await SourceControl.connect(server);
    for (const { executed, ...position } of ends)
      expect((await executedAt(control, flavour, position))?.toString()).toBe(executed);
    const { executed, ...position } = ends[1]!;
    await using rig = await CaptureRig.start({ source: server, start: { kind: 'position', position } });
    await rig.until(() => rig.log.head.value.lsn === 3);
    expect(rig.log.capture.executed.toString()).toBe(ends.at(-1)!.executed);
    expect((await rig.log.executedBefore(1)).toString()).toBe(executed);
    expect((await rig.changes()).map((change) => 'after' in change && change.after['id'])).toEqual([3, 4, 5]);
  });

  it('is BINLOG_POSITION where no transaction ends there', async () => {
    await using server = await startServer(flavour);
    await server.query('CREATE DATABASE shop');
    for (const position of [
      { file: 'binlog.000001', offset: 300 },
      { file: 'binlog.000001', offset: 1_000_000 },
    ]) {
      await using rig = await CaptureRig.start({ source: server, start: { kind: 'position', position } });
      expect(await stopCode(rig)).toBe('BINLOG_POSITION');
    }
  });

  it('misses nothing when it begins now, under load', async () => {
    await using server = await startServer(flavour);
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT)');
    await using connection = await server.connect();
    let writing = true;
    const load = (async () => {
      while (writing) await connection.query('INSERT INTO shop.t VALUES ()');
    })();
    await using rig = await CaptureRig.start({ source: server, start: { kind: 'now' } });
    await rig.until(() => rig.log.head.value.lsn > 50);
    writing = false;
    await load;
    await rig.reaches(await newestId(server));
    const ids = (await rig.changes()).map((change) => Number('after' in change && change.after['id']));
    expect(ids).toEqual(ids.map((_, index) => ids[0]! + index));
    expect(rig.log.capture.executed.covers(await newestId(server))).toBe(true);
  });
});
