import { Checkpoint, type TransactionSet } from '@drc/protocol';
import { expect, it } from 'vitest';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { onServer } from '../../support/on-each-server.js';
import { CaptureRig, type RigOptions } from './capture-rig.js';

const checkpointOf = (set: TransactionSet) => ({
  kind: 'checkpoint' as const,
  checkpoint: new Checkpoint({ topic: 'shop', set }).toString(),
});

const seek = (rig: CaptureRig, set: TransactionSet) => rig.log.seek(checkpointOf(set), 0);

/** A log of its own, with so many transactions. */
async function captured(
  server: DatabaseServer,
  transactions: number,
  start?: RigOptions['start'],
): Promise<CaptureRig> {
  const rig = await CaptureRig.start({ source: server, ...(start === undefined ? {} : { start }) });
  await rig.until(() => rig.capture.state.kind === 'streaming' && rig.log.head.value.lsn === transactions);
  return rig;
}

async function purgeUpToNow(server: DatabaseServer): Promise<void> {
  await server.query('FLUSH BINARY LOGS');
  const files = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
  await server.query(`PURGE BINARY LOGS TO '${files.at(-1)!.Log_name}'`);
}

onServer('mysql', 'a log of transactions without GTIDs', () => {
  it('refuses a checkpoint from before its beginning, and takes those of logs that saw it', async () => {
    await using server = await startServer('mysql', {
      args: ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF'],
    });
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
    await server.query('INSERT INTO shop.t VALUES (1)');
    await using complete = await captured(server, 3);
    expect((await complete.log.executedBefore(1)).toString()).toBe('');
    const old = complete.log.capture.executed.clone();
    await server.query('INSERT INTO shop.t VALUES (2)');
    await complete.until(() => complete.log.head.value.lsn === 4);

    // In the middle of a file: exactly behind its last transaction.
    await using now = await captured(server, 0, { kind: 'now' });
    await expect(seek(now, old)).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });
    expect((await seek(now, complete.log.capture.executed)).lsn).toBe(1);

    await purgeUpToNow(server);
    await server.query('INSERT INTO shop.t VALUES (3)');
    await complete.until(() => complete.log.head.value.lsn === 5);
    await using young = await captured(server, 1);
    await expect(seek(young, old)).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });
    expect((await seek(young, complete.log.capture.executed)).lsn).toBe(2);

    // What its own readers have from its beginning on is theirs to go on from.
    const { lsn, set } = await young.log.seek({ kind: 'earliest' }, 0);
    expect(lsn).toBe(1);
    expect((await seek(young, set)).lsn).toBe(1);

    // Both kinds in one log.
    await server.query('SET GLOBAL enforce_gtid_consistency = ON; SET GLOBAL gtid_mode = OFF_PERMISSIVE');
    await using mixed = await captured(server, 1);
    await expect(seek(mixed, old)).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });
  });
});
