import { expect, test } from 'vitest';
import { startHub, until } from '../support/hub.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { onServer } from '../support/on-each-server.js';
import { Reading, type ReadTransaction } from '../support/reading.js';

const off = ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF'];

/** MariaDB always has them. */
onServer('mysql', 'a source without GTIDs', (flavour) => {
  test('is read whole, from its beginning, every checkpoint and every moment, whatever restarts meanwhile', async () => {
    await using hub = await startHub({ flavour, server: { args: off } });
    const { source } = hub;
    await using ledger = await Ledger.open(source);
    const sdk = await hub.connect();
    await using running = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    const seen: ReadTransaction[] = [];
    for (const disturb of [
      () => source.query('FLUSH BINARY LOGS; FLUSH BINARY LOGS'),
      () => hub.store.restart().then(() => undefined),
      () => source.kill('SIGKILL').then(() => source.restart(off)),
      // With the store away: MySQL takes its time to end while a replica is connected.
      async () => {
        await hub.store.stop();
        await source.query('FLUSH BINARY LOGS');
        await source.restart(off);
        await hub.store.start();
      },
    ]) {
      await ledger.write(6);
      await disturb();
      await ledger.reconnect();
      seen.push(...(await running.until(await ledger.write(6))));
    }
    expect(rowTransactions(seen)).toEqual(ledger.transactions);
    expect(rowTransactions(await hub.readAll(ledger.lastId))).toEqual(ledger.transactions);

    // In a store that has read all of it from its files, too.
    const anew = await hub.startStore();
    await anew.reaches(await hub.lastId());
    for (const stopped of [anew, hub.store]) {
      await stopped.stop();
      for (const at of [2, 17, 31, seen.length - 2]) {
        const rest = seen.slice(at + 1).map(({ id }) => id);
        const from = { checkpoint: seen[at]!.checkpoint };
        await using resumed = new Reading(sdk.subscribe('shop', { from }));
        expect((await resumed.until(ledger.lastId)).map(({ id }) => id)).toEqual(rest);

        const timestamp = seen[at]!.commitTime;
        await using since = new Reading(sdk.subscribe('shop', { from: { timestamp } }));
        const found = (await since.until(ledger.lastId)).map(({ id }) => id);
        expect(found).toEqual(seen.map(({ id }) => id).slice(-found.length));
        expect(found.length).toBeGreaterThan(rest.length);
      }
      await stopped.start();
    }
  });

  test('that gets them, and loses them again, is read on from checkpoints of any time', async () => {
    await using hub = await startHub({ flavour, server: { args: off } });
    const { source } = hub;
    await using ledger = await Ledger.open(source);
    const sdk = await hub.connect();
    await using running = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    const seen = await running.until(await ledger.write(3));
    await source.query("SET GLOBAL enforce_gtid_consistency = 'ON'");
    // With OFF, as with ON, MySQL sends no history of the other kind: a store that begins has to wait.
    const steps = ['OFF_PERMISSIVE', 'ON_PERMISSIVE', 'ON', 'ON_PERMISSIVE', 'OFF_PERMISSIVE'];
    for (const [step, mode] of steps.entries()) {
      await source.query(`SET GLOBAL gtid_mode = '${mode}'`);
      await ledger.write(2);
      if (step % 2 === 0) await hub.store.restart();
      seen.push(...(await running.until(await ledger.write(2))));
    }
    expect(rowTransactions(seen)).toEqual(ledger.transactions);
    const ids = seen.map(({ id }) => id);
    expect(new Set(ids.map((id) => id.includes('/')))).toEqual(new Set([true, false]));
    // A store that has read all of it from its files gives the same, and takes the checkpoints of the first.
    const anew = await hub.startStore();
    await anew.reaches(await hub.lastId());
    for (const stopped of [anew, hub.store]) {
      await stopped.stop();
      for (let at = 0; at < seen.length - 1; at += 4) {
        await using resumed = new Reading(
          sdk.subscribe('shop', { from: { checkpoint: seen[at]!.checkpoint } }),
        );
        const rest = await resumed.until(ledger.lastId);
        expect(rest.map(({ id }) => id)).toEqual(ids.slice(at + 1));
      }
      await stopped.start();
    }
  });

  test('that was reset, or is another one under its name, stops capture before anything else is in the log', async () => {
    await using hub = await startHub({ flavour, server: { args: off } });
    const { source } = hub;
    await using ledger = await Ledger.open(source);
    await ledger.write(10);
    await hub.caughtUp();
    const stopped = async (): Promise<string | undefined> => {
      const { capture, captureEnded } = hub.store.store;
      await until(() => capture.state.kind === 'stopped', 'capture stops');
      return (await captureEnded)?.code;
    };
    await hub.store.stop();
    await source.query('RESET BINARY LOGS AND GTIDS');
    const captured = [...ledger.transactions];
    await ledger.write(3);
    await hub.store.start();
    expect(await stopped()).toBe('SOURCE_HISTORY_CHANGED');
    // The files of before are longer by now: their places are there again, with others' transactions.
    await hub.store.stop();
    await ledger.write(30);
    await hub.store.start();
    expect(await stopped()).toBe('SOURCE_HISTORY_CHANGED');
    // And the ledger's three definitions.
    expect(hub.store.store.log.head.value.lsn).toBe(captured.length + 3);
    // The newest is what the source was asked for in vain: nobody knows any more whether it is the source's.
    expect(rowTransactions(await hub.readAll(captured.at(-2)!.id))).toEqual(captured.slice(0, -1));
  });
});
