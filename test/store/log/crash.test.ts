import { cp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rounds } from '../../support/rounds.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { AppendProcess, expectSampleTransactions } from './support/append-process.js';
import { openLog } from './support/log-fixture.js';

describe('a writer that is killed', () => {
  for (const point of [
    'flush.begin',
    'flush.written',
    'flush.done',
    'sync.begin',
    'sync.files',
    'sync.mark',
  ]) {
    for (const times of [1, 25]) {
      test(`at ${point}, time ${times}, leaves a log that has all it acknowledged, without a gap`, async () => {
        await using folder = await temporaryFolder();
        await using writer = new AppendProcess(folder.path, { point, times });
        expect(await writer.ended()).toBe('SIGKILL');
        expect(writer.point).toBe(point);
        await using log = await openLog(folder.path);
        expect(log.head.value.lsn).toBeGreaterThanOrEqual(Math.max(writer.acknowledged, writer.durable));
        await expectSampleTransactions(log);
      });
    }
  }

  for (const point of ['trim.tail', 'trim.step', 'trim.done']) {
    for (const times of [1, 3]) {
      test(`at ${point}, time ${times}, leaves a log whose oldest transaction only went forward`, async () => {
        await using folder = await temporaryFolder();
        const options = { retentionMs: 10_000, step: 500, point, times };
        await using writer = new AppendProcess(folder.path, options);
        expect(await writer.ended()).toBe('SIGKILL');
        expect(writer.point).toBe(point);
        const log = await openLog(folder.path, { retentionMs: 1e9 });
        const { oldest } = log.extent();
        expect(oldest.lsn).toBeGreaterThan(1);
        await expectSampleTransactions(log);
        // What was left over before the tail goes with the next pass.
        await log.trim();
        expect(log.extent().oldest).toEqual(oldest);
        await expectSampleTransactions(log);
        await log.close();
      });
    }
  }

  test('again and again, whenever it happens, goes on where it was', async () => {
    await using folder = await temporaryFolder();
    let head = 0;
    for (let run = 0; run < rounds(4, 15); run++) {
      await using writer = new AppendProcess(folder.path, { retentionMs: 60_000, step: 100 });
      await writer.until(() => writer.acknowledged >= head + 10 + run * 37);
      writer.signal('SIGKILL');
      await writer.ended();
      await using log = await openLog(folder.path);
      expect(log.head.value.lsn).toBeGreaterThanOrEqual(writer.acknowledged);
      head = log.head.value.lsn;
      await expectSampleTransactions(log);
    }
  });
});

describe('a crash image', () => {
  test('of a live directory at any moment opens with all that was acknowledged', async () => {
    await using folder = await temporaryFolder();
    await using writer = new AppendProcess(folder.file('live'), { retentionMs: 30_000, step: 100 });
    for (let image = 0; image < rounds(4, 12); image++) {
      const from = writer.acknowledged;
      await writer.until(() => writer.acknowledged > from + 100 + image * 31);
      writer.signal('SIGSTOP');
      const acknowledged = writer.acknowledged;
      const copy = folder.file(`image-${image}`);
      await cp(folder.file('live'), copy, { recursive: true });
      writer.signal('SIGCONT');
      // The lock was copied too, and its holder lives.
      await rm(join(copy, 'lock'));
      await using log = await openLog(copy);
      expect(log.head.value.lsn).toBeGreaterThanOrEqual(acknowledged);
      await expectSampleTransactions(log);
    }
  });

  test('of a power loss has all that was durable, however much of the rest is gone', async () => {
    await using folder = await temporaryFolder();
    // Few syncs, so that much is only in the operating system's memory.
    const options = { syncIntervalMs: 150, retentionMs: 3_600_000 };
    await using writer = new AppendProcess(folder.file('live'), options);
    let cuts = 0;
    const images = rounds(5, 15);
    for (let image = 0; image < images; image++) {
      const from = writer.durable;
      await writer.until(() => writer.durable > from && writer.acknowledged > writer.durable + 20);
      writer.signal('SIGSTOP');
      // Give what it said before a moment to arrive.
      await new Promise((resolve) => setTimeout(resolve, 50));
      const { durable, acknowledged, syncedBytes } = writer;
      const copy = folder.file(`image-${image}`);
      await cp(folder.file('live'), copy, { recursive: true });
      writer.signal('SIGCONT');
      await rm(join(copy, 'lock'));
      await losePower(join(copy, 'level'), syncedBytes, image / (images - 1));
      await using log = await openLog(copy);
      expect(log.head.value.lsn).toBeGreaterThanOrEqual(durable);
      if (log.head.value.lsn < acknowledged) cuts++;
      await expectSampleTransactions(log);
    }
    expect(cuts).toBeGreaterThan(0);
  });
});

/** Of each write-ahead log only what was synced is sure to be there; of the rest this share was lucky. */
async function losePower(
  level: string,
  synced: Readonly<Record<string, number>>,
  luck: number,
): Promise<void> {
  for (const name of await readdir(level)) {
    if (!name.endsWith('.log')) continue;
    const path = join(level, name);
    const { size } = await stat(path);
    const sure = Math.min(size, synced[name] ?? 0);
    await truncate(path, sure + Math.floor((size - sure) * luck));
  }
}
