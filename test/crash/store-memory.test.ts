import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onEachServer } from '../support/on-each-server.js';
import { levelFiles, straceLack, straceNote } from '../support/strace.js';
import { FaultRig } from './fault-rig.js';

const mebibyte = 1024 * 1024;

onEachServer('a store that is given no more memory', (flavour) => {
  let rig: FaultRig;
  beforeAll(async () => {
    rig = await FaultRig.start(flavour);
  });
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]();
  });

  /** What the kernel does has nothing to do with the server: most cases on one of them. */
  const onMariadb = <Case>(cases: readonly Case[]): readonly Case[] => (flavour === 'mariadb' ? cases : []);

  const tables = (): string[] => {
    const level = join(rig.directory, 'level');
    return readdirSync(level)
      .filter((name) => name.endsWith('.ldb'))
      .map((name) => join(level, name));
  };

  /** Ends in order; what it wrote is in tables at the next start. */
  const capturesAndEnds = async (): Promise<void> => {
    await using store = await rig.store();
    await rig.ledger.transact(400);
    await rig.expectNext();
    store.kill('SIGTERM');
    expect(await store.ended()).toBe(0);
  };

  describe.skipIf(straceLack !== undefined)(`by the kernel${straceNote}`, () => {
    test.each(onMariadb(['its tables']))(
      'for %s ends with an error that says so, does not blame the log, and later goes on',
      async () => {
        await capturesAndEnds();
        await capturesAndEnds();
        await rig.ledger.write(2);
        expect(tables()).not.toEqual([]);
        // Those that are there, and those that it makes of its write-ahead log.
        for (const files of [tables(), levelFiles(rig.directory, ['ldb'])]) {
          const fault = { calls: 'mmap', what: 'error=ENOMEM', files };
          await using store = await rig.store({ fault });
          expect(await store.ended()).toBe(1);
          expect(store.stderr).toMatch(/^(?:DATA_FOLDER|STORE_UNAVAILABLE): .*Cannot allocate memory/m);
        }
        await capturesAndEnds();
        await rig.expectLog();
      },
    );

    test.each(['write', ...onMariadb(['fdatasync'])])(
      'for a %s opens its log again by itself',
      async (call) => {
        const endings = call === 'write' ? ['log'] : undefined;
        await rig.expectReopens(call, 'error=ENOMEM:when=8', endings);
      },
    );
  });

  test('at all is ended, and whoever starts it again finds everything', async () => {
    for (const limit of [160, ...onMariadb([90, 120])]) {
      await using store = await rig.store({ under: ['prlimit', `--data=${limit * mebibyte}`] });
      await Promise.race([store.ended(), store.logs('started').catch(() => undefined)]);
      for (let round = 0; round < 12 && !store.hasEnded; round++) await rig.ledger.transact(2_000);
      // Where it got along it is ended all the same.
      if (store.hasEnded) expect(await store.ended()).not.toBe(0);
      else store.kill();
      await store.ended();
    }
    await rig.ledger.write(3);
    {
      await using store = await rig.store();
      await rig.expectNext();
      store.kill('SIGTERM');
      await store.ended();
    }
    await rig.expectLog();
  });
});
