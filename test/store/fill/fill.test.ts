import { readdir } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { createMachineKey } from '@drc/cluster-manager';
import { parseStoreConfig, Store, verifyLog } from '@drc/store';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { contentOf } from '../log/support/log-fixture.js';
import { makeAuthority } from '../../support/certificates.js';
import type { DatabaseServer } from '../../support/database-server.js';
import { freePort } from '../../support/free-port.js';
import { startHub, TestStore, until, type StoreSettings, type TestHub } from '../../support/hub.js';
import { HubProcess } from '../../support/hub-process.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { Reading } from '../../support/reading.js';

const { signal } = new AbortController();
const silent = pino({ level: 'silent' });

/** Rows that do not compress, so that a few of them make megabytes. */
const large = (id: number): string =>
  `SET SESSION group_concat_max_len = 1000000; INSERT INTO shop.t VALUES (${id}, (SELECT GROUP_CONCAT(SHA2(RAND(), 512) SEPARATOR '') FROM shop.digits a, shop.digits b, shop.digits c))`;

const beginning = `
  CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v LONGTEXT);
  CREATE TABLE shop.digits (n INT PRIMARY KEY);
  INSERT INTO shop.digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
  INSERT INTO shop.t VALUES (1, 'a'), (2, 'b');
  BEGIN; UPDATE shop.t SET v = 'c' WHERE id = 1; DELETE FROM shop.t WHERE id = 2; COMMIT;
  ALTER TABLE shop.t ADD COLUMN note VARCHAR(20) DEFAULT 'none';
  INSERT INTO shop.t (id, v) VALUES (3, REPEAT('large', 200000));
  ALTER TABLE shop.t DROP COLUMN note`;

interface Filling extends StoreSettings {
  readonly fill?: unknown;
  readonly machineKey?: string;
  readonly admin?: { readonly port: number };
  readonly tls?: object;
  readonly managerTls?: object;
}

const settingsOf = (
  hub: TestHub,
  { fill = 'sister', admin, tls, managerTls, ...settings }: Filling,
): object => ({
  ...hub.storeSettings(settings),
  fill,
  ...(admin === undefined ? {} : { admin }),
  ...(tls === undefined ? {} : { tls }),
  ...(managerTls === undefined ? {} : { managerTls }),
});

/** A store that fills its log; not started. */
function filling(hub: TestHub, settings: Filling = {}): TestStore {
  const store = new TestStore(parseStoreConfig(settingsOf(hub, settings)), {
    logger: silent,
    sourcePassword: hub.source.password,
    machineKey: settings.machineKey ?? hub.storeKey,
  });
  hub.stores.push(store);
  return store;
}

/** All but the newest binlog file go, as soon as the source lets them. */
async function purge(source: DatabaseServer): Promise<void> {
  await source.query('FLUSH BINARY LOGS');
  const namesOf = async (): Promise<string[]> =>
    ((await source.query('SHOW BINARY LOGS')) as { Log_name: string }[]).map(({ Log_name }) => Log_name);
  const newest = (await namesOf()).at(-1)!;
  await until(async () => {
    await source.query(`PURGE BINARY LOGS TO '${newest}'`);
    return (await namesOf())[0] === newest;
  }, 'The source does not purge its binlogs.');
}

/** Waits until readers of every store that runs see all that the source has. */
async function visible(hub: TestHub): Promise<void> {
  await hub.caughtUp();
  const id = await hub.lastId();
  for (const { store } of hub.stores) {
    await until(
      async () => (await store.log.executedBefore(store.log.head.value.lsn + 1)).covers(id),
      `The log does not show ${id}.`,
    );
  }
}

async function expectSound(store: TestStore): Promise<void> {
  await store.stop();
  const { faults } = await verifyLog({ directory: store.config.directory }, { signal });
  expect(faults).toEqual([]);
}

onEachServer('a store with an empty log', (flavour) => {
  test('is filled from a sister store, and goes on at the source, whose binlogs of that time are gone', async () => {
    await using hub = await startHub({ flavour });
    const [sister] = hub.stores as [TestStore];
    await hub.source.query(beginning);
    await hub.source.query(`${large(4)}; ${large(5)}`);
    // One that waits for its decision, in a session that has ended.
    const session = await hub.source.connect({ multipleStatements: true });
    await session.query(
      "XA START 'waits'; INSERT INTO shop.t VALUES (6, 'prepared'); XA END 'waits'; XA PREPARE 'waits'",
    );
    await session.end();
    await hub.source.query("INSERT INTO shop.t VALUES (7, 'last')");
    await visible(hub);
    await purge(hub.source);
    await hub.source.query("INSERT INTO shop.t VALUES (8, 'after')");
    await visible(hub);

    const filled = filling(hub);
    await filled.start();
    await visible(hub);
    const wanted = await contentOf(sister.store.log);
    expect(await contentOf(filled.store.log)).toEqual(wanted);
    expect(filled.store.log.extent().setBeforeOldest).toBe(sister.store.log.extent().setBeforeOldest);
    expect(filled.store.log.lineage).not.toBe(sister.store.log.lineage);
    expect(filled.store.log.replicaServerId).not.toBe(sister.store.log.replicaServerId);

    // Both capture on, each from its own place, what was prepared included.
    await until(async () => {
      try {
        await hub.source.query("XA COMMIT 'waits'");
        return true;
      } catch {
        return false;
      }
    }, 'The prepared transaction is not free.');
    await hub.source.query("INSERT INTO shop.t VALUES (9, 'on')");
    await visible(hub);
    const ids = (await contentOf(sister.store.log)).map((text) => text.split(' ')[1]);
    expect((await contentOf(filled.store.log)).map((text) => text.split(' ')[1])).toEqual(ids);

    // A checkpoint of the one works on the other.
    const sdk = await hub.connect();
    const all = await hub.readAll(await hub.lastId());
    const halfway = all[4]!;
    await sister.stop();
    await using reading = new Reading(
      sdk.subscribe('shop', { from: { checkpoint: halfway.checkpoint.toString() } }),
    );
    const rest = await reading.until(all.at(-1)!.id);
    expect(rest.map(({ id, changes }) => ({ id, changes }))).toEqual(
      all.slice(5).map(({ id, changes }) => ({ id, changes })),
    );
    await expectSound(filled);
    await expectSound(sister);
  });
});

onServer('mariadb', 'filling a log', (flavour) => {
  test('goes on after a kill -9 in its middle and at its end', async () => {
    await using hub = await startHub({ flavour });
    await hub.source.query(beginning);
    await hub.source.query(Array.from({ length: 75 }, (_, row) => large(10 + row)).join('; '));
    await visible(hub);
    const wanted = await contentOf(hub.store.store.log);
    const folder = 'filled';
    for (const kill of [
      { point: 'fill.entry', times: 65 },
      { point: 'fill.entry', times: 20 },
      { point: 'fill.copied' },
    ]) {
      await using killed = await HubProcess.store(hub, settingsOf(hub, { folder }), kill);
      expect(await killed.ended()).toBe('SIGKILL');
      expect(killed.point).toBe(kill.point);
      expect(await readdir(hub.folder.file(folder))).toContain('level.filling');
    }
    const filled = filling(hub, { folder });
    await filled.start();
    await visible(hub);
    expect(await contentOf(filled.store.log)).toEqual(wanted);
    await expectSound(filled);
    expect(await readdir(hub.folder.file(folder))).not.toContain('level.filling');
    // The log has begun: the setting has nothing left to do, also without the other store.
    await hub.store.stop();
    await filled.start();
    expect(filled.store.log.head.value.lsn).toBe(Number(wanted.at(-1)!.split('/')[0]));
  });

  test('keeps to its rate and tells how far it is, and a stop ends it', async () => {
    await using hub = await startHub({ flavour });
    await hub.source.query(beginning);
    await hub.source.query(Array.from({ length: 10 }, (_, row) => large(10 + row)).join('; '));
    await visible(hub);
    const port = await freePort();
    const stop = new AbortController();
    const starting = Store.start(
      parseStoreConfig(settingsOf(hub, { fill: { from: 'sister', rate: '64KiB' }, admin: { port } })),
      { logger: silent, sourcePassword: hub.source.password, machineKey: hub.storeKey, signal: stop.signal },
    );
    starting.catch(() => undefined);
    const answer = async (path: string): Promise<string> =>
      await fetch(`http://127.0.0.1:${port}${path}`).then(
        (response) => response.text(),
        () => '',
      );
    const figure = async (name: string): Promise<number> =>
      Number(new RegExp(`^drc_store_${name}\\{.*\\} (.+)$`, 'm').exec(await answer('/metrics'))?.[1] ?? 0);
    await until(async () => (await figure('fill_bytes_total')) > 0, 'No progress is told.');
    // At this rate it would take a quarter of a minute.
    const of = hub.store.store.log.head.value.lsn;
    expect(await figure('fill_of_lsn')).toBe(of);
    expect(await figure('fill_lsn')).toBeLessThan(of);
    const readiness = JSON.parse(await answer('/readyz')) as { ready: boolean; reasons: string[] };
    expect(readiness.ready).toBe(false);
    expect(readiness.reasons.join()).toContain('the log is being filled from');
    stop.abort(new Error('stopped'));
    await expect(starting).rejects.toThrow('stopped');
  });

  test('is for stores of the topic only', async () => {
    await using hub = await startHub({ flavour });
    await hub.source.query(beginning);
    await visible(hub);
    const directory = hub.folder.file('manager');
    await hub.stopManager();
    const other = await createMachineKey(directory, { kind: 'store', topics: ['other'] });
    await hub.startManager();
    const refused = async (machineKey: string): Promise<unknown> =>
      await filling(hub, { machineKey })
        .start()
        .catch((error: unknown) => error);
    expect(await refused(other.key)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await refused(hub.clientKey)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await refused(`${hub.storeKey}x`)).toMatchObject({ code: 'UNAUTHENTICATED' });

    const ticketFor = async (path: string, key: string): Promise<string> => {
      let ticket: string | undefined;
      await until(async () => {
        const response = await fetch(`${hub.managerUrl}${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: '{"from":"latest"}',
        });
        ({ ticket } = (await response.json()) as { ticket?: string });
        return ticket !== undefined;
      }, 'The manager gives no ticket.');
      return ticket!;
    };
    const reader = await ticketFor('/v1/topics/shop/stores', hub.clientKey);
    const sister = await ticketFor('/v1/topics/shop/sisters', hub.storeKey);
    const url = hub.store.store.url.replace('ws', 'http');
    const ask = async (path: string, headers: Record<string, string>): Promise<unknown> => {
      const { status, headers: answered } = await fetch(`${url}${path}`, { headers });
      return [status, answered.get('drc-error')];
    };
    const bearer = (ticket: string) => ({ authorization: `Bearer ${ticket}` });
    expect(await ask('/v1/log/shop', {})).toEqual([401, 'UNAUTHENTICATED']);
    expect(await ask('/v1/log/shop', bearer(reader))).toEqual([403, 'FORBIDDEN']);
    expect(await ask('/v1/log/shop', bearer(`${sister.slice(0, -3)}abc`))).toEqual([401, 'UNAUTHENTICATED']);
    expect(await ask('/v1/log/other', bearer(sister))).toEqual([421, 'WRONG_STORE']);
    expect(await ask(`/v1/log/shop?lineage=${'0'.repeat(32)}&lsn=1&chunk=0`, bearer(sister))).toEqual([
      421,
      'WRONG_STORE',
    ]);
    expect(await ask('/v1/log/shop?lsn=1', bearer(sister))).toEqual([426, null]);
    expect(await ask('/v1/log/shop', bearer(sister))).toEqual([200, null]);
    // And it opens no stream.
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket', ...bearer(sister) };
    const refusal = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${url}/v1/stream/shop`, { headers: upgrade }, resolve).on('error', reject);
    });
    refusal.resume();
    expect([refusal.statusCode, refusal.headers['drc-error']]).toEqual([403, 'FORBIDDEN']);
  });

  test('comes over TLS, from a store whose certificate is of an authority that the managers’ are of', async () => {
    await using hub = await startHub({ flavour, stores: [] });
    await hub.source.query(beginning);
    const ours = await makeAuthority(hub.folder, 'ours');
    const theirs = await makeAuthority(hub.folder, 'theirs');
    const { cert: certFile, key: keyFile } = await ours.issue('store', ['127.0.0.1']);
    const sister = filling(hub, { tls: { certFile, keyFile } });
    await sister.start();
    await visible(hub);
    const stop = new AbortController();
    const lines: string[] = [];
    const mistrusts = Store.start(
      parseStoreConfig(settingsOf(hub, { managerTls: { caFile: theirs.cert } })),
      {
        logger: pino({ level: 'warn' }, { write: (line: string) => lines.push(line) }),
        sourcePassword: hub.source.password,
        machineKey: hub.storeKey,
        signal: stop.signal,
      },
    );
    mistrusts.catch(() => undefined);
    await until(
      () => lines.some((line) => line.includes('TLS_UNTRUSTED')),
      'Nothing is said of the certificate.',
    );
    stop.abort(new Error('stopped'));
    await expect(mistrusts).rejects.toThrow('stopped');
    const filled = filling(hub, { managerTls: { caFile: ours.cert } });
    await filled.start();
    await visible(hub);
    expect(await contentOf(filled.store.log)).toEqual(await contentOf(sister.store.log));
  });

  test('needs another store: without one the log begins at the source', async () => {
    await using hub = await startHub({ flavour, stores: [] });
    await hub.source.query(beginning);
    const first = filling(hub);
    await first.start();
    await visible(hub);
    expect((await contentOf(first.store.log)).length).toBeGreaterThan(5);
  });

  test('is refused where the other stores capture other tables', async () => {
    await using hub = await startHub({ flavour });
    await hub.source.query(beginning);
    await visible(hub);
    const other = filling(hub, { capture: { include: ['shop.t'] } });
    await expect(other.start()).rejects.toMatchObject({ code: 'TOPIC_CONFIG_MISMATCH' });
  });
});
