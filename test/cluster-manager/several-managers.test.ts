import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  administerShared,
  initSharedManager,
  parseManagerConfig,
  type Credentials,
  type InitOptions,
} from '@drc/cluster-manager';
import { Checkpoint, TransactionSet } from '@drc/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../cluster-manager/src/clock.js';
import { readinessOf } from '../../cluster-manager/src/shared-registry.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { withZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';
import { cheapPasswords, temporaryFolder, TestManager, type TemporaryFolder } from './fixture.js';

const zookeeperPassword = 'a password of the tests';
/** A loaded machine may stand still for seconds. */
const sessionTimeoutMs = 10_000;
const patience = { timeout: 60_000, interval: 50 };

interface Topics {
  readonly topics: readonly { readonly topic: string; readonly stores: number }[];
}

withZooKeeper('several managers', () => {
  let server: ZooKeeperServer;
  let clusters = 0;
  beforeAll(async () => {
    server = await ZooKeeperServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const registryAt = (root: string, address = server.address) => ({
    zookeeper: { servers: [address], root, sessionTimeoutMs },
  });

  const init = (directory: string, root: string, options: InitOptions = {}) => {
    const { registry } = parseManagerConfig({ directory, registry: registryAt(root) });
    const { zookeeper } = registry!;
    return initSharedManager(
      { directory, zookeeper },
      { zookeeperPassword },
      { passwordCost: cheapPasswords, ...options },
    );
  };

  /** A new cluster, with so many folders of managers. */
  async function newCluster(count: number) {
    const root = `/cluster-${++clusters}`;
    const folder: TemporaryFolder = await temporaryFolder();
    const directories = Array.from({ length: count }, (_, i) => join(folder.path, `manager-${i + 1}`));
    let administrator: Credentials | undefined;
    for (const directory of directories) {
      const made = await init(directory, root, { cluster: 'test' });
      expect(made.cluster).toBe('test');
      expect(made.administrator === undefined).toBe(administrator !== undefined);
      administrator ??= made.administrator;
    }
    return {
      root,
      directories,
      administrator: administrator!,
      start: (index: number, address?: string) =>
        TestManager.start(
          directories[index]!,
          systemClock,
          administrator!,
          { registry: registryAt(root, address) },
          { zookeeperPassword },
        ),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  }

  const topicsAt = async (manager: TestManager, token: string): Promise<Topics['topics'] | number> => {
    const { status, body } = await manager.request('GET', '/v1/topics', { token });
    return status === 200 ? (body as Topics).topics : status;
  };

  it('answer each for all: logins, keys and changes through one hold at the other', async () => {
    await using cluster = await newCluster(2);
    await using first = await cluster.start(0);
    await using second = await cluster.start(1);
    const token = await first.token();
    expect(await topicsAt(second, token)).toEqual([]);
    const key = await second.machineKey('store', ['shop']);
    await expect.poll(() => topicsAt(first, token), patience).toEqual([{ topic: 'shop', stores: 0 }]);
    for (const manager of [first, second]) expect((await manager.announce(key)).status).toBe(200);
    for (const manager of [first, second]) {
      expect((await manager.stores(await second.token())).status).toBe(200);
      const { body } = await manager.request('GET', '/v1/keys');
      expect((body as { keys: unknown[] }).keys).toHaveLength(2);
    }
  });

  it('learn of one that joins while they run', async () => {
    await using cluster = await newCluster(1);
    await using first = await cluster.start(0);
    await using folder = await temporaryFolder();
    const directory = join(folder.path, 'late');
    expect(await init(directory, cluster.root)).toEqual({ cluster: 'test' });
    await using late = await TestManager.start(
      directory,
      systemClock,
      cluster.administrator,
      { registry: registryAt(cluster.root) },
      { zookeeperPassword },
    );
    const token = await late.token();
    await expect.poll(() => topicsAt(first, token), patience).toEqual([]);
  });

  it('keep the checkpoints of readers together: whoever took it at one is fenced off at the other', async () => {
    await using cluster = await newCluster(2);
    await using first = await cluster.start(0);
    await using second = await cluster.start(1);
    await first.machineKey('store', ['shop']);
    const token = await first.machineKey('client', ['shop']);
    const path = '/v1/checkpoints/shop/billing';
    /** Asks again while the manager has not heard of the instance yet, or is asked too often. */
    const answerOf = async (manager: TestManager, method: string, to: string, body: object) => {
      for (;;) {
        const answer = await manager.request(method, to, { token, body });
        if (answer.status !== 503 && answer.status !== 429) return answer;
        await pause(100);
      }
    };
    const take = async (manager: TestManager): Promise<{ epoch: number; checkpoint?: string }> => {
      const { body } = await answerOf(manager, 'POST', `${path}/take`, {});
      return body as { epoch: number; checkpoint?: string };
    };
    const save = async (manager: TestManager, epoch: number, sequence: number): Promise<unknown> => {
      const set = TransactionSet.parse(`0-1-${sequence}`);
      const checkpoint = new Checkpoint({ topic: 'shop', set }).toString();
      const { status, body } = await answerOf(manager, 'PUT', path, { epoch, checkpoint });
      return status === 204 ? status : (body as { error: { code: string } }).error.code;
    };
    let { epoch } = await take(first);
    await expect.poll(() => topicsAt(second, token), patience).toEqual([{ topic: 'shop', stores: 0 }]);
    for (let round = 1; round <= 5; round++) {
      const [one, other] = round % 2 === 0 ? [first, second] : [second, first];
      expect(await save(one, epoch, round * 10)).toBe(204);
      const before = epoch;
      ({ epoch } = await take(other));
      expect(epoch).toBeGreaterThan(before);
      expect(await save(one, before, round * 10 + 5)).toBe('CHECKPOINT_FENCED');
    }
    expect(await save(first, epoch, 60)).toBe(204);
    const { checkpoint = '' } = await take(second);
    expect(Checkpoint.parse(checkpoint).set.toString()).toBe('0-1-60');
  });

  it('go on answering while they are cut off, take no changes, and say so', async () => {
    await using cluster = await newCluster(1);
    await using proxy = await startTcpProxy(server);
    await using manager = await cluster.start(0, `${proxy.host}:${proxy.port}`);
    const { adminUrl } = manager.manager;
    const ready = async () => (await fetch(`${adminUrl}/readyz`)).text();
    const age = async () => {
      const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
      return Number(/^drc_manager_registry_age_seconds (\S+)$/m.exec(metrics)?.[1]);
    };
    expect([await ready(), await age()]).toEqual(['ok\n', 0]);
    proxy.set({ kind: 'refuse' });
    proxy.cut();
    await expect.poll(ready, patience).toMatch(/^ok, but cut off from the registry for \d+ s: /);
    expect(await age()).toBeGreaterThan(0);
    const token = await manager.token();
    const body = { kind: 'client', topics: ['shop'] };
    const refused = await manager.request('POST', '/v1/machine-keys', { token, body });
    expect(refused).toMatchObject({
      status: 503,
      body: { error: { code: 'REGISTRY_UNAVAILABLE', details: { outcome: 'refused' } } },
    });
    proxy.set({ kind: 'none' });
    await expect.poll(ready, patience).toBe('ok\n');
    expect((await manager.request('POST', '/v1/machine-keys', { token, body })).status).toBe(200);
    const said = manager.lines.filter((line) => line.includes('ZooKeeper'));
    expect(said.map((line) => (JSON.parse(line) as { level: number }).level)).toEqual([50, 30]);
  });

  it('catch up when they were stopped for longer than their session', async () => {
    await using cluster = await newCluster(2);
    await using first = await cluster.start(0);
    const { zookeeper } = registryAt(cluster.root);
    await using second = await managerProcess({
      directory: cluster.directories[1],
      registry: { zookeeper: { ...zookeeper, sessionTimeoutMs: 1_000 } },
    });
    const key = await first.machineKey('client', ['**']);
    const statusAtSecond = async (token: string): Promise<number> =>
      (await fetch(`${second.url}/v1/topics`, { headers: { Authorization: `Bearer ${token}` } })).status;
    await expect.poll(() => statusAtSecond(key), patience).toBe(200);
    const sessions = await server.sessions();
    second.kill('SIGSTOP');
    try {
      await expect.poll(() => server.sessions(), patience).toBeLessThan(sessions);
      const id = key.split('_')[1]!;
      const token = await first.token();
      expect((await first.request('DELETE', `/v1/machine-keys/${id}`, { token })).status).toBe(200);
    } finally {
      second.kill('SIGCONT');
    }
    await expect.poll(() => statusAtSecond(key), patience).toBe(401);
    const later = await first.machineKey('client', ['**']);
    await expect.poll(() => statusAtSecond(later), patience).toBe(200);
  });

  it('are administered through the folder of one that is stopped, when nobody has a password any more', async () => {
    await using cluster = await newCluster(2);
    await using running = await cluster.start(0);
    const [, directory = ''] = cluster.directories;
    const { zookeeper } = parseManagerConfig({ directory, registry: registryAt(cluster.root) }).registry!;
    const eve = await administerShared(
      { directory, zookeeper },
      { zookeeperPassword },
      (administration) => administration.users.add({ name: 'eve', administrator: true }),
      { passwordCost: cheapPasswords },
    );
    const users = async () => {
      const { body } = await running.request('GET', '/v1/users', { token: await running.token() });
      return (body as { users: { name: string }[] }).users.map(({ name }) => name);
    };
    await expect.poll(users, patience).toEqual(['admin', 'eve']);
    expect((await running.login(eve)).status).toBe(200);
  });

  it('are not made of a cluster of another name, or with a password that could be guessed, and leave nothing', async () => {
    await using cluster = await newCluster(1);
    await using folder = await temporaryFolder();
    const directory = join(folder.path, 'other');
    await expect(init(directory, cluster.root, { cluster: 'other' })).rejects.toMatchObject({
      code: 'DATA_FOLDER',
      details: { reason: 'cluster' },
    });
    expect(await readdir(directory)).toEqual([]);
    const { registry } = parseManagerConfig({ directory, registry: registryAt(cluster.root) });
    const weak = initSharedManager(
      { directory, zookeeper: registry!.zookeeper },
      { zookeeperPassword: 'secret' },
    );
    await expect(weak).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await init(directory, cluster.root)).toEqual({ cluster: 'test' });
  });

  it('do not start on the folder of a manager with a registry of its own, nor the other way round', async () => {
    await using cluster = await newCluster(1);
    await using folder = await temporaryFolder();
    const own = TestManager.start(cluster.directories[0]!, systemClock, cluster.administrator);
    await expect(own).rejects.toMatchObject({ code: 'DATA_FOLDER', details: { reason: 'absent' } });
    const config = { registry: registryAt(cluster.root) };
    const shared = TestManager.start(folder.path, systemClock, cluster.administrator, config, {
      zookeeperPassword,
    });
    await expect(shared).rejects.toMatchObject({ code: 'DATA_FOLDER', details: { reason: 'absent' } });
  });
});

/** A manager in a process of its own, run from the build. */
async function managerProcess(config: object) {
  const main = fileURLToPath(new URL('../support/manager-main.mjs', import.meta.url));
  const settings = { ...config, listen: { port: 0 }, admin: { port: 0 } };
  const child = spawn(process.execPath, [main, JSON.stringify({ settings, zookeeperPassword })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const first = String((await lines.next()).value);
  return {
    url: first.replace('url ', ''),
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

describe('the readiness of a manager', () => {
  it('ends when it has been cut off for too long', () => {
    const cutOff = { kind: 'cutOff', ageMs: 61_499, reason: 'Nobody is there.' } as const;
    expect(readinessOf({ kind: 'live' })).toEqual({ isReady: true, text: 'ok' });
    expect(readinessOf({ ...cutOff, isReadable: true })).toEqual({
      isReady: true,
      text: 'ok, but cut off from the registry for 61 s: Nobody is there. What was known then is answered, nothing is changed.',
    });
    expect(readinessOf({ ...cutOff, isReadable: false })).toEqual({
      isReady: false,
      text: 'not ready: cut off from the registry for 61 s: Nobody is there.',
    });
  });
});
