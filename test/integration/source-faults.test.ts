import { cp } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startHub, until, type TestHub, type TestStore } from '../support/hub.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { startServer } from '../support/database-server.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

/** Everything the ledger wrote, exactly once and in order, read anew from the first store. */
async function expectAll(hub: TestHub, ledger: Ledger): Promise<void> {
  expect(rowTransactions(await hub.readAll(ledger.lastId))).toEqual(ledger.transactions);
}

const stopCode = async (store: TestStore): Promise<string | undefined> => {
  await until(() => store.store.capture.state.kind === 'stopped', 'capture stops');
  return (await store.store.captureEnded)?.code;
};

onEachServer('the connection to the source', (flavour) => {
  test('is cut at many places within transactions: each arrives once, in order', async () => {
    await using source = await startServer(flavour);
    await using proxy = await startTcpProxy(source);
    await using hub = await startHub({ source, stores: [{ source: proxy }] });
    await using ledger = await Ledger.open(source);
    await hub.caughtUp();
    const sdk = await hub.connect();
    await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    const read = await reading.until(await ledger.write(1));
    let cuts = 0;
    for (let round = 0; round < 12; round++) {
      const struck = proxy.strikes;
      // A connection has some 1,000 bytes of handshake and questions; behind them come events, other ones each time.
      proxy.set({ kind: 'cutAfter', direction: 'toClient', bytes: 1_200 + round * 149 });
      const last = await ledger.write(4);
      await until(() => proxy.strikes > struck, 'the cut');
      cuts += proxy.strikes - struck;
      proxy.set({ kind: 'none' });
      read.push(...(await reading.until(last)));
    }
    expect(cuts).toBeGreaterThanOrEqual(12);
    expect(rowTransactions(read)).toEqual(ledger.transactions);
    await expectAll(hub, ledger);
  });

  test('is cut in the middle of a transaction of many chunks: half of it is never seen', async () => {
    await using source = await startServer(flavour);
    await using proxy = await startTcpProxy(source);
    await using hub = await startHub({ source, stores: [{ source: proxy }] });
    await using ledger = await Ledger.open(source);
    const sdk = await hub.connect();
    await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    const read = await reading.until(await ledger.write(3));
    // About 2.5 MB each.
    for (const bytes of [100_000, 700_000, 1_300_000, 1_900_000]) {
      const struck = proxy.strikes;
      proxy.set({ kind: 'cutAfter', direction: 'toClient', bytes });
      const last = await ledger.transact(3_000);
      await until(() => proxy.strikes > struck, 'the cut');
      proxy.set({ kind: 'none' });
      read.push(...(await reading.until(last)));
    }
    expect(rowTransactions(read)).toEqual(ledger.transactions);
    await expectAll(hub, ledger);
  });

  test('is refused for a while: capture waits and goes on', async () => {
    await using source = await startServer(flavour);
    await using proxy = await startTcpProxy(source);
    await using hub = await startHub({ source, stores: [{ source: proxy }] });
    await using ledger = await Ledger.open(source);
    await ledger.write(5);
    await hub.caughtUp();
    proxy.set({ kind: 'refuse' });
    proxy.cut();
    const { capture } = hub.store.store;
    await until(() => capture.state.kind === 'waiting', 'capture waits');
    // What the log has is served meanwhile.
    await expectAll(hub, ledger);
    await ledger.write(5);
    proxy.set({ kind: 'none' });
    await hub.caughtUp();
    await expectAll(hub, ledger);
    expect(capture.counters.snapshot().disconnects).toBeGreaterThan(0);
  });
});

onEachServer('a source', (flavour) => {
  test('that rotates, restarts and is killed is read on where capture was', async () => {
    await using hub = await startHub({ flavour });
    const ledger = await Ledger.open(hub.source);
    const { source } = hub;
    await ledger.write(10);
    for (const disturb of [
      () => source.query('FLUSH BINARY LOGS'),
      () => source.query('FLUSH BINARY LOGS; FLUSH BINARY LOGS'),
      () => source.restart(),
      () => source.kill('SIGKILL').then(() => source.restart()),
      ...(flavour === 'mariadb' ? [() => source.restart(['--log-bin-compress=ON'])] : []),
    ]) {
      await ledger.write(5);
      await disturb();
      await ledger.reconnect();
      await ledger.write(10);
      await hub.caughtUp();
    }
    // The store too, with the source away.
    await hub.store.stop();
    await source.query('FLUSH BINARY LOGS');
    await ledger.write(5);
    await source.kill('SIGKILL');
    const start = hub.store.start();
    await source.restart();
    await start;
    await ledger.reconnect();
    await ledger.write(5);
    await hub.caughtUp();
    await expectAll(hub, ledger);
    await ledger[Symbol.asyncDispose]();
  });

  test('that has purged what capture needs stops it, and reading goes on', async () => {
    await using hub = await startHub({ flavour });
    await using ledger = await Ledger.open(hub.source);
    await ledger.write(10);
    await hub.caughtUp();
    await hub.store.stop();
    const captured = ledger.transactions.length;
    await ledger.write(3);
    await hub.source.query('FLUSH BINARY LOGS');
    await ledger.write(3);
    await hub.source.query('FLUSH BINARY LOGS');
    await purgeAll(hub);
    await hub.store.start();
    expect(await stopCode(hub.store)).toBe('BINLOG_PURGED');
    const last = ledger.transactions[captured - 1]!.id;
    expect(rowTransactions(await hub.readAll(last))).toEqual(ledger.transactions.slice(0, captured));
  });

  test('that was reset stops capture: with the store away, and with it there', async () => {
    await using hub = await startHub({ flavour, stores: [{}, {}] });
    await using ledger = await Ledger.open(hub.source);
    await ledger.write(10);
    await hub.caughtUp();
    const [running, stopped] = hub.stores;
    await stopped!.stop();
    await hub.source.query(flavour === 'mariadb' ? 'RESET MASTER' : 'RESET BINARY LOGS AND GTIDS');
    await ledger.write(3);
    await stopped!.start();
    expect(await stopCode(stopped!)).toBe('SOURCE_HISTORY_CHANGED');
    expect(await stopCode(running!)).toBe('SOURCE_HISTORY_CHANGED');
  });

  test('that is another one stops capture before anything of it is in the log', async () => {
    await using hub = await startHub({ flavour });
    await using ledger = await Ledger.open(hub.source);
    await ledger.write(5);
    await hub.caughtUp();
    await hub.store.stop();
    // A server id of its own, or the same one with another history; MySQL has a UUID to tell them apart.
    for (const [serverId, code] of [
      [77, 'SOURCE_CHANGED'],
      [1, flavour === 'mariadb' ? 'SOURCE_HISTORY_CHANGED' : 'SOURCE_CHANGED'],
    ] as const) {
      await using other = await startServer(flavour, { serverId });
      await other.query('CREATE DATABASE elsewhere; CREATE TABLE elsewhere.t (id INT PRIMARY KEY)');
      // More than the log has: its position is one that this source has, too.
      await other.query(
        Array.from({ length: 300 }, (_, id) => `INSERT INTO elsewhere.t VALUES (${id})`).join(';'),
      );
      const store = await hub.startStore({ folder: 'store-1', source: other });
      expect(await stopCode(store)).toBe(code);
      expect(store.store.log.capture.executed.covers(ledger.lastId)).toBe(true);
      await store.stop();
      hub.stores.pop();
    }
    // The first has lost nothing by it.
    await ledger.write(5);
    await hub.store.start();
    await hub.caughtUp();
    await expectAll(hub, ledger);
  });

  test('that two stores with one server id read stops one of them for good', async () => {
    await using hub = await startHub({ flavour });
    await using ledger = await Ledger.open(hub.source);
    await ledger.write(5);
    await hub.caughtUp();
    await hub.store.stop();
    await cp(hub.folder.file('store-1'), hub.folder.file('copied'), { recursive: true });
    await hub.store.start();
    await until(() => hub.store.store.capture.state.kind === 'streaming', 'streaming');
    const copied = await hub.startStore({ folder: 'copied' });
    const states = (): string[] => hub.stores.map(({ store }) => store.capture.state.kind);
    await until(() => states().includes('stopped'), 'one of the two stops');
    const stopped = hub.stores.find(({ store }) => store.capture.state.kind === 'stopped')!;
    expect(await stopCode(stopped)).toBe('SERVER_ID_IN_USE');
    const other = stopped === copied ? hub.store : copied;
    await ledger.write(5);
    await other.reaches(ledger.lastId);
    // And it stays so: no ping-pong.
    await sleep(1_000);
    expect(states().sort()).toEqual(['stopped', 'streaming']);
  });
});

/** All binlog files but the newest; a file that a dump connection still has is tried again. */
async function purgeAll(hub: TestHub): Promise<void> {
  await until(async () => {
    const files = (await hub.source.query('SHOW BINARY LOGS')) as { Log_name: string }[];
    if (files.length === 1) return true;
    await hub.source.query(`PURGE BINARY LOGS TO '${files.at(-1)!.Log_name}'`);
    return false;
  }, 'the binlogs are purged');
}
