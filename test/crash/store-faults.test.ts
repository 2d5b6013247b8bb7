import { mkdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise } from '../store/log/support/noise.js';
import { onEachServer } from '../support/on-each-server.js';
import { straceLack, straceNote } from '../support/strace.js';
import { canMount, mountNote, tinyDisk } from '../support/tiny-disk.js';
import { FaultRig } from './fault-rig.js';
import { idsByLsn } from './log-contents.js';

const mebibyte = 1024 * 1024;

onEachServer('a store whose log meets a fault of the system', (flavour) => {
  let rig: FaultRig;
  beforeAll(async () => {
    rig = await FaultRig.start(flavour);
  });
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]();
  });

  /** What the kernel does has nothing to do with the server: all cases on one of them, the first on the other; any call: test/soak. */
  const few = <Case>(all: readonly Case[]): readonly Case[] =>
    flavour === 'mariadb' ? all : all.slice(0, 1);

  describe.skipIf(straceLack !== undefined)(`killed at a system call${straceNote}`, () => {
    const calls = [
      ['write', 25],
      ['fdatasync', 8],
    ] as const;
    test.each(few(calls))('%s, number %i, goes on with what comes next', async (call, when) => {
      await rig.expectSurvives(call, when);
    });
  });

  describe.skipIf(straceLack !== undefined)(`told of an error${straceNote}`, () => {
    const errors = [
      ['ENOSPC', 'write', 'error=ENOSPC:when=12', ['log']],
      ['EIO', 'fdatasync', 'error=EIO:when=6', undefined],
    ] as const;
    test.each(few(errors))('%s of %s opens its log again by itself', async (_error, calls, what, endings) => {
      await rig.expectReopens(calls, what, endings);
    });

    test('EIO of a sync, with nothing more to capture, opens its log again by itself', async () => {
      // Behind the syncs of the start: one for what is written next.
      await using store = await rig.store({ fault: { calls: 'fdatasync', what: 'error=EIO:when=20' } });
      await store.logs('started');
      for (let round = 0; !store.logged.includes('LOG_WRITE_FAILED'); round++) {
        // One at a time, and silence until it is synced.
        await rig.ledger.transact(1);
        await sleep(150);
        if (round === 100) throw new Error('The store syncs nothing.');
      }
      await store.logs('started', 2);
      await rig.expectNext();
    });

    test('of none, but waits a second for each sync, gives readers everything meanwhile', async () => {
      {
        await using store = await rig.store({ fault: { calls: 'fdatasync', what: 'delay_enter=1000000' } });
        await rig.ledger.write(60);
        await rig.expectNext();
        store.kill();
        await store.ended();
      }
      await rig.ledger.write(2);
      {
        await using _next = await rig.store();
        await rig.expectNext();
      }
      await rig.expectLog();
    });
  });

  test('without file descriptors ends with an error that says so, and later goes on', async () => {
    for (const limit of [26, 34, 42]) {
      await using store = await rig.store({ under: ['prlimit', `--nofile=${limit}`] });
      await Promise.race([store.ended(), store.logs('started').catch(() => undefined)]);
      if (!store.hasEnded) continue;
      expect(await store.ended()).toBe(1);
      // Node's own word while it loads the program, a code of ours from then on.
      expect(store.stderr).toMatch(/EMFILE|^[A-Z_]+: /m);
    }
    await rig.ledger.write(3);
    await using _next = await rig.store();
    await rig.expectNext();
  });

  test.skipIf(!canMount)(
    `on a disk at its reserve waits, serves what it has, and goes on by itself${mountNote}`,
    async () => {
      await using disk = (await tinyDisk(128 * mebibyte))!;
      const settings = { directory: `${disk.path}/data`, log: { syncInterval: '50ms', reserve: '64MiB' } };
      await rig.ledger.write(3);
      await using store = await rig.store({}, settings);
      await rig.expectNext();
      await writeFile(`${disk.path}/ballast`, Buffer.alloc(80 * mebibyte));
      const { lastId } = rig.ledger;
      // What is asked of the file system is asked again after half a second.
      while (!store.logged.includes('DISK_RESERVE')) {
        await rig.ledger.write(1);
        await sleep(100);
      }
      const served = await rig.hub.readAll(lastId);
      expect(served.at(-1)!.id).toBe(lastId);
      await rm(`${disk.path}/ballast`);
      await rig.expectNext();
      expect(store.logged).not.toContain('LOG_WRITE_FAILED');
    },
  );

  test.skipIf(!canMount)(
    `on a disk that is full goes on by itself once there is room, with everything${mountNote}`,
    async () => {
      await using disk = (await tinyDisk(192 * mebibyte))!;
      const directory = `${disk.path}/data`;
      await mkdir(directory);
      await writeFile(`${disk.path}/ballast`, Buffer.alloc(146 * mebibyte));
      await using store = await rig.store({}, { directory });
      await store.logs('started');
      await using connection = await rig.hub.source.connect();
      await connection.query('CREATE TABLE shop.noise (id INT PRIMARY KEY AUTO_INCREMENT, bytes LONGBLOB)');
      for (let i = 0; i < 60; i++)
        await connection.query('INSERT INTO shop.noise (bytes) VALUES (?)', [noise(mebibyte, i)]);
      await store.logs('LOG_WRITE_FAILED');
      await rm(`${disk.path}/ballast`);
      await rig.ledger.write(5);
      await store.logs('started', 2);
      await rig.expectNext();
      store.kill('SIGTERM');
      expect(await store.ended()).toBe(0);
      const ids = [...(await idsByLsn(directory)).values()];
      expect(new Set(ids).size).toBe(ids.length);
      const committed = rig.ledger.transactions.map(({ id }) => id);
      expect(ids.filter((id) => committed.includes(id))).toEqual(committed);
    },
  );
});
