import { rm, statfs, writeFile } from 'node:fs/promises';
import { TransactionSet } from '@drc/protocol';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../store/src/clock.js';
import { DiskReserve } from '../../../store/src/log/disk-reserve.js';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { canMount, mountNote, tinyDisk } from '../../support/tiny-disk.js';
import { append, contentOf, HandClock, insertOf, openLog, orders, source } from './support/log-fixture.js';
import { noise } from './support/noise.js';

const position = { file: 'binlog.000001', offset: 4 };
const mebibyte = 1024 * 1024;

/** Appends until it fails. @returns the error. */
async function fill(log: TransactionLog, megabytes: number): Promise<unknown> {
  log.registerTable(orders);
  try {
    for (let i = 0; i < megabytes; i++) {
      const sequence = log.head.value.lsn + 1;
      append(log, sequence, sequence * 1000, [insertOf(orders, noise(mebibyte, sequence))]);
      await log.flush();
    }
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a disk reserve', () => {
  test('is the larger of 2 GiB and 5 % unless it is given', async () => {
    await using folder = await temporaryFolder();
    const { bavail, blocks, bsize } = await statfs(folder.path);
    const reserve = Math.max(2 * 1024 ** 3, blocks * bsize * 0.05);
    expect(await new DiskReserve(folder.path, systemClock).hasRoom()).toBe(bavail * bsize > reserve);
    expect(await new DiskReserve(folder.path, systemClock, 0).hasRoom()).toBe(true);
    expect(await new DiskReserve(folder.path, systemClock, Number.MAX_SAFE_INTEGER).hasRoom()).toBe(false);
  });

  test('is asked again after a while, after much was written, and always when there was no room', async () => {
    await using folder = await temporaryFolder();
    const clock = new HandClock();
    const reserve = new DiskReserve(folder.path, clock, 0);
    expect(reserve.isStale).toBe(true);
    await reserve.hasRoom();
    expect(reserve.isStale).toBe(false);
    reserve.written(64 * mebibyte);
    expect(reserve.isStale).toBe(true);
    await reserve.hasRoom();
    clock.advance(500);
    expect(reserve.isStale).toBe(true);
    const full = new DiskReserve(folder.path, clock, Number.MAX_SAFE_INTEGER);
    await full.hasRoom();
    expect(full.isStale).toBe(true);
    expect(full.isLow).toBe(true);
  });
});

describe.skipIf(!canMount)(`on a tiny disk${mountNote}`, () => {
  test('a log stops at its reserve, keeps what is queued, serves on, and resumes with room', async () => {
    await using disk = (await tinyDisk(128 * mebibyte))!;
    const options = { diskReserveBytes: 64 * mebibyte, clock: systemClock };
    const log = await openLog(`${disk.path}/data`, options);
    await log.begin(source, position, TransactionSet.parse(''), true);
    expect(await fill(log, 8)).toBeUndefined();
    await writeFile(`${disk.path}/ballast`, noise(80 * mebibyte, 7));
    expect(await log.room()).toBe(false);
    expect(await fill(log, 1)).toMatchObject({ code: 'DISK_RESERVE' });
    expect(log.head.value.lsn).toBe(8);
    expect(log.pendingBytes).toBeGreaterThan(mebibyte);
    expect(await contentOf(log)).toHaveLength(8);
    await expect(log.flush()).rejects.toMatchObject({ code: 'DISK_RESERVE' });
    // More may be queued meanwhile, but not without end.
    const queueing = (): void => {
      for (let sequence = 10; sequence < 100; sequence++)
        append(log, sequence, sequence * 1000, [insertOf(orders, noise(mebibyte, sequence))]);
    };
    expect(queueing).toThrow(expect.objectContaining({ code: 'DISK_RESERVE' }));
    expect(log.pendingBytes).toBeLessThanOrEqual(64 * mebibyte);
    log.abandonGroup();
    const queued = log.capture.executed.toString();
    await log.close();

    const again = await openLog(`${disk.path}/data`, options);
    expect(again.head.value.lsn).toBe(8);
    expect(again.capture.executed.toString()).toBe('0-1-8');
    expect(queued).not.toBe('0-1-8');
    expect(await fill(again, 1)).toMatchObject({ code: 'DISK_RESERVE' });
    await rm(`${disk.path}/ballast`);
    expect(await again.room()).toBe(true);
    // What waited is written now.
    await again.flush();
    expect(again.head.value.lsn).toBe(9);
    expect(await fill(again, 2)).toBeUndefined();
    expect(await contentOf(again)).toHaveLength(11);
    await again.close();
  });

  test('a log without a reserve meets ENOSPC, closes itself, and has when reopened all that it acknowledged', async () => {
    // Without the ballast there is room for LevelDB to merge all that it has.
    await using disk = (await tinyDisk(160 * mebibyte))!;
    await writeFile(`${disk.path}/ballast`, noise(108 * mebibyte, 7));
    const log = await openLog(`${disk.path}/data`);
    await log.begin(source, position, TransactionSet.parse(''), true);
    const waiting = log.head.after(1e9, new AbortController().signal);
    waiting.catch(() => undefined);
    const error = await fill(log, 100);
    expect(error).toMatchObject({ code: 'LOG_WRITE_FAILED' });
    const head = log.head.value.lsn;
    expect(head).toBeGreaterThan(3);
    await expect(waiting).rejects.toMatchObject({ code: 'LOG_WRITE_FAILED' });
    await expect(log.flush()).rejects.toMatchObject({ code: 'LOG_WRITE_FAILED' });
    expect(() => log.beginGroup({ id: '0-1-1', commitTime: 0, origin: '' })).toThrow(
      expect.objectContaining({ code: 'LOG_WRITE_FAILED' }),
    );
    await log.close();

    await rm(`${disk.path}/ballast`);
    const again = await openLog(`${disk.path}/data`);
    expect(again.head.value.lsn).toBeGreaterThanOrEqual(head);
    expect(await contentOf(again)).toHaveLength(again.head.value.lsn);
    expect(again.capture.executed.toString()).toBe(`0-1-${again.head.value.lsn}`);
    expect(await fill(again, 1)).toBeUndefined();
    await again.close();
  });

  test('a log that cannot be opened for want of space says so, and leaves no lock', async () => {
    await using disk = (await tinyDisk(8 * mebibyte))!;
    await (await openLog(`${disk.path}/data`)).close();
    // All but a page, so that the lock file still fits.
    const { bavail, bsize } = await statfs(disk.path);
    await writeFile(`${disk.path}/ballast`, noise((bavail - 1) * bsize, 7));
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(openLog(`${disk.path}/data`)).rejects.toMatchObject({
        code: 'DISK_RESERVE',
      });
    await rm(`${disk.path}/ballast`);
    await (await openLog(`${disk.path}/data`)).close();
  });
});
