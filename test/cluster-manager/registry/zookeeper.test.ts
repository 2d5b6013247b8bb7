import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDrcError } from '@drc/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../cluster-manager/src/clock.js';
import { sumOf, xor } from '../../../cluster-manager/src/registry/entries.js';
import {
  ZooKeeperConnection,
  type ConnectionOptions,
} from '../../../cluster-manager/src/registry/zookeeper-connection.js';
import { parseRoot, rootText } from '../../../cluster-manager/src/registry/zookeeper-state.js';
import { ZooKeeperRegistry, type ZooKeeperOptions } from '../../../cluster-manager/src/registry/zookeeper.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { openToAll, withZooKeeper, ZooKeeperServer } from '../../support/zookeeper.js';
import { temporaryFolder } from '../fixture.js';
import { registrySuite, user } from './conformance.js';

const login = { user: 'drc', password: 'a password of the tests' };
/** A loaded machine may stand still for seconds. */
const sessionTimeoutMs = 10_000;
/** For what waits until one has ended. */
const shortSession = { sessionTimeoutMs: 1_500 };
const patience = { timeout: 60_000, interval: 20 };
const named = async () => [
  { kind: 'cluster', key: 'cluster', value: { name: 'test', createdAt: 1 } } as const,
];

withZooKeeper('a registry', () => {
  let server: ZooKeeperServer;
  let roots = 0;
  beforeAll(async () => {
    server = await ZooKeeperServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const connect = (options: Partial<ConnectionOptions> = {}): Promise<ZooKeeperConnection> =>
    ZooKeeperConnection.open({ server, ...login, sessionTimeoutMs, clock: systemClock, ...options });

  /** A root of its own, and the folders of managers of it. */
  async function newPlace() {
    const root = `/drc-${++roots}`;
    const folders = [await temporaryFolder()];
    const options = (index = 0, changes: Partial<ZooKeeperOptions> = {}): ZooKeeperOptions => ({
      directory: folders[index]!.path,
      servers: [server],
      root,
      ...login,
      sessionTimeoutMs,
      offlineReadsMs: 3_600_000,
      writeMs: 60_000,
      clock: systemClock,
      ...changes,
    });
    await ZooKeeperRegistry.create(options(), async () => []);
    return {
      root,
      options,
      directory: folders[0]!.path,
      open: (changes?: Partial<ZooKeeperOptions>) => ZooKeeperRegistry.open(options(0, changes)),
      /** Another manager of it. */
      async join(changes?: Partial<ZooKeeperOptions>) {
        const index = folders.push(await temporaryFolder()) - 1;
        await ZooKeeperRegistry.join(options(index));
        return ZooKeeperRegistry.open(options(index, changes));
      },
      async [Symbol.asyncDispose]() {
        for (const folder of folders) await folder[Symbol.asyncDispose]();
      },
    };
  }

  registrySuite({ name: 'ZooKeeper', make: newPlace });

  const has = async (registry: ZooKeeperRegistry, key: string): Promise<boolean> =>
    (await registry.get('user', key)) !== undefined;
  const add = (registry: ZooKeeperRegistry, key: string, createdAt = 1): Promise<boolean> =>
    registry.put('user', key, user(key, { createdAt }), 'absent');
  const becomes = async (registry: ZooKeeperRegistry, kind: 'live' | 'cutOff'): Promise<void> => {
    await expect.poll(() => registry.state.kind, patience).toBe(kind);
  };

  it('is made once, also by two who begin at the same time', async () => {
    await using place = await newPlace();
    await using folder = await temporaryFolder();
    expect(await ZooKeeperRegistry.create({ ...place.options(), directory: folder.path }, named)).toBe(false);
    const root = `/drc-${++roots}/deep`;
    await using first = await temporaryFolder();
    await using second = await temporaryFolder();
    const made = await Promise.all(
      [first, second].map(({ path }) =>
        ZooKeeperRegistry.create({ ...place.options(), root, directory: path }, named),
      ),
    );
    expect(made.filter(Boolean)).toHaveLength(1);
  });

  it('is open once for each folder, and for any number of folders', async () => {
    await using place = await newPlace();
    await using first = await place.open();
    await expect(place.open()).rejects.toMatchObject({ code: 'DATA_FOLDER', details: { reason: 'locked' } });
    await using second = await place.join();
    await add(first, 'ann');
    await expect.poll(() => has(second, 'ann'), patience).toBe(true);
    await second.delete('user', 'ann', 'any');
    await expect.poll(() => has(first, 'ann'), patience).toBe(false);
  });

  it('lets one of two managers win who expect the same, and loses no change of theirs', async () => {
    await using place = await newPlace();
    await using first = await place.open();
    await using second = await place.join();
    const won = await Promise.all([first, second].map((registry, i) => add(registry, 'ann', i)));
    expect(won.filter(Boolean)).toHaveLength(1);
    const addOne = async (registry: ZooKeeperRegistry): Promise<void> => {
      for (;;) {
        const found = await registry.get('user', 'count');
        const next = user('count', { createdAt: (found?.value.createdAt ?? 0) + 1 });
        if (await registry.put('user', 'count', next, found?.version ?? 'absent')) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, i) => addOne(i % 2 === 0 ? first : second)));
    const counted = async () => (await first.get('user', 'count'))?.value.createdAt;
    await expect.poll(counted, patience).toBe(20);
    await expect.poll(() => second.list('user'), patience).toEqual(await first.list('user'));
  });

  it('reads all records anew when it has missed too many changes', async () => {
    await using place = await newPlace();
    await using first = await place.open();
    await using proxy = await startTcpProxy(server);
    await using second = await place.join({ servers: [proxy] });
    await add(first, 'left');
    await expect.poll(() => has(second, 'left'), patience).toBe(true);
    proxy.set({ kind: 'refuse' });
    proxy.cut();
    await becomes(second, 'cutOff');
    await first.delete('user', 'left', 'any');
    for (let i = 0; i < 110; i++) await add(first, `user-${i}`);
    proxy.set({ kind: 'none' });
    await becomes(second, 'live');
    expect(await second.list('user')).toEqual(await first.list('user'));
  });

  it('finds out that a change came about whose answer was lost', async () => {
    await using place = await newPlace();
    await using proxy = await startTcpProxy(server);
    await using first = await place.open({ servers: [proxy] });
    await using second = await place.join();
    proxy.set({ kind: 'stall', direction: 'toClient' });
    const added = add(first, 'ann');
    await expect.poll(() => has(second, 'ann'), patience).toBe(true);
    proxy.set({ kind: 'none' });
    proxy.cut();
    expect(await added).toBe(true);
    expect(await first.list('user')).toEqual(await second.list('user'));
  });

  it('makes a change whose request was lost, unless another manager was first', async () => {
    await using place = await newPlace();
    await using proxy = await startTcpProxy(server);
    await using first = await place.open({ servers: [proxy] });
    await using second = await place.join();
    proxy.set({ kind: 'stall', direction: 'toServer' });
    const added = add(first, 'ann');
    const beaten = add(first, 'bob');
    await add(second, 'bob', 2);
    proxy.set({ kind: 'none' });
    proxy.cut();
    expect([await added, await beaten]).toEqual([true, false]);
    expect((await first.get('user', 'bob'))?.value.createdAt).toBe(2);
    await expect.poll(() => second.list('user'), patience).toEqual(await first.list('user'));
  });

  it('says that the outcome is unknown when no answer comes in time', async () => {
    await using place = await newPlace();
    await using proxy = await startTcpProxy(server);
    await using registry = await place.open({ servers: [proxy], writeMs: 100 });
    proxy.set({ kind: 'stall' });
    await expect(add(registry, 'ann')).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      details: { outcome: 'unknown' },
    });
    proxy.set({ kind: 'refuse' });
    proxy.cut();
    await becomes(registry, 'cutOff');
    await expect(add(registry, 'bob')).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      details: { outcome: 'refused' },
    });
  });

  it('goes on answering for its time while ZooKeeper is away, and is live when it is back', async () => {
    await using place = await newPlace();
    await using patient = await place.open();
    await using strict = await place.join({ offlineReadsMs: 0 });
    await add(patient, 'ann');
    await expect.poll(() => has(strict, 'ann'), patience).toBe(true);
    await server.kill();
    await becomes(patient, 'cutOff');
    expect(patient.state).toMatchObject({ isReadable: true });
    expect(await has(patient, 'ann')).toBe(true);
    await expect(add(patient, 'bob')).rejects.toMatchObject({ details: { outcome: 'refused' } });
    await becomes(strict, 'cutOff');
    await expect(strict.get('user', 'ann')).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    await server.restart();
    await becomes(patient, 'live');
    expect(await add(patient, 'bob')).toBe(true);
    await becomes(strict, 'live');
    await expect.poll(() => has(strict, 'bob'), patience).toBe(true);
  });

  it('notices a server that falls silent, and goes on with it when it wakes', async () => {
    await using place = await newPlace();
    await using registry = await place.open(shortSession);
    await server.kill('SIGSTOP');
    try {
      await becomes(registry, 'cutOff');
    } finally {
      await server.kill('SIGCONT');
    }
    await becomes(registry, 'live');
  });

  it('goes to the next server when one does not answer', async () => {
    await using place = await newPlace();
    await using proxy = await startTcpProxy(server);
    proxy.set({ kind: 'refuse' });
    await using registry = await place.open({ servers: [proxy, server] });
    expect(await add(registry, 'ann')).toBe(true);
  });

  it('survives a connection that is cut anywhere in an answer, or comes byte by byte', async () => {
    await using place = await newPlace();
    await using proxy = await startTcpProxy(server);
    await using registry = await place.open({ servers: [proxy], ...shortSession });
    for (const bytes of [1, 50, 200]) {
      proxy.set({ kind: 'cutAfter', bytes, direction: 'toClient' });
      proxy.cut();
      const { strikes } = proxy;
      await expect.poll(() => proxy.strikes, patience).toBeGreaterThan(strikes);
    }
    proxy.set({ kind: 'dribble' });
    await becomes(registry, 'live');
    expect(await add(registry, 'ann')).toBe(true);
    expect((await registry.list('user')).map(({ key }) => key)).toEqual(['ann']);
  });

  it('takes no damaged answer for the registry', async () => {
    await using place = await newPlace();
    await using writer = await place.open();
    await add(writer, 'ann');
    await using proxy = await startTcpProxy(server);
    // In the answers that begin a session, tell of the root, and bring records.
    for (const offset of [6, 50, 70, 150, 300, 500]) {
      proxy.set({ kind: 'flip', offset, direction: 'toClient' });
      const { strikes } = proxy;
      await using folder = await temporaryFolder();
      const options = { ...place.options(), ...shortSession, directory: folder.path, servers: [proxy] };
      const joined = ZooKeeperRegistry.join(options).then(
        () => 'joined',
        (error: unknown) => (isDrcError(error) ? error.code : String(error)),
      );
      await expect.poll(() => proxy.strikes, patience).toBeGreaterThan(strikes);
      proxy.set({ kind: 'none' });
      const outcome = await joined;
      expect(['joined', 'REGISTRY_CORRUPT', 'REGISTRY_UNAVAILABLE', 'CONFIG_INVALID']).toContain(outcome);
      if (outcome !== 'joined') continue;
      await using registry = await ZooKeeperRegistry.open({ ...options, servers: [server] });
      expect((await registry.list('user')).map(({ key }) => key)).toEqual(['ann']);
    }
  });

  it('cannot be read by one who has not the password', async () => {
    await using place = await newPlace();
    await using registry = await place.open();
    await add(registry, 'ann');
    for (const other of [{ password: 'another password' }, { user: 'eve' }]) {
      await using stranger = await connect(other);
      for (const path of [place.root, `${place.root}/user!ann`])
        await expect(stranger.read(path)).rejects.toMatchObject({ details: { reason: 'zookeeperAuth' } });
      await expect(stranger.children(place.root)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
      const removal = stranger.commit([{ kind: 'remove', path: `${place.root}/user!ann` }]);
      await expect(removal).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
      await using folder = await temporaryFolder();
      const joined = ZooKeeperRegistry.join({ ...place.options(), directory: folder.path, ...other });
      await expect(joined).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    }
  });

  it('is not opened where whoever reaches ZooKeeper may read a node', async () => {
    await using place = await newPlace();
    await openToAll(server, login, place.root);
    await expect(place.open()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: { reason: 'zookeeperAcl', path: place.root },
    });
  });

  it('is not made where others keep something, and does not mind what is put beside its records', async () => {
    await using place = await newPlace();
    await using folder = await temporaryFolder();
    await using connection = await connect();
    const root = `/drc-${++roots}`;
    await connection.make(`${root}/of-others`);
    const made = ZooKeeperRegistry.create({ ...place.options(), root, directory: folder.path }, named);
    await expect(made).rejects.toMatchObject({ details: { reason: 'zookeeperRoot', path: root } });
    for (const name of ['50%', 'other']) await connection.make(`${place.root}/${name}`);
    await using registry = await place.open();
    await add(registry, 'ann');
    expect(await has(registry, 'ann')).toBe(true);
  });

  it('refuses a registry that is gone, another one, older than it was, damaged, or of a newer version', async () => {
    await using place = await newPlace();
    {
      await using registry = await place.open();
      for (const name of ['ann', 'bob']) await add(registry, name);
    }
    const mark = join(place.directory, 'zookeeper.mark');
    const marked = await readFile(mark, 'utf8');
    const refused = async (code: string): Promise<void> => {
      await expect(place.open()).rejects.toMatchObject({ code });
    };
    await writeFile(mark, marked.replace(/"revision":\d+/, '"revision":99'));
    await refused('REGISTRY_CORRUPT');
    await writeFile(mark, marked.replace(/"id":"[^"]+"/, `"id":"${randomUUID()}"`));
    await refused('REGISTRY_CORRUPT');
    await writeFile(mark, marked.slice(0, 20));
    await refused('REGISTRY_CORRUPT');
    await writeFile(mark, marked);

    await using connection = await connect();
    const ann = `${place.root}/user!ann`;
    const text = (await connection.read(ann))!.data;
    const root = (await connection.read(place.root))!.data;
    const write = (path: string, data: Buffer | string) =>
      connection.commit([{ kind: 'set', path, data: Buffer.from(data) }]);
    await write(ann, text.toString().replace('"administrator":false', '"administrator":true'));
    await refused('REGISTRY_CORRUPT');
    await connection.commit([{ kind: 'remove', path: ann }]);
    await refused('REGISTRY_CORRUPT');
    await connection.commit([{ kind: 'create', path: ann, data: text }]);
    await write(place.root, root.toString().replace('"format":1', '"format":2'));
    await refused('DATA_FOLDER');
    await write(place.root, root.subarray(0, 40));
    await refused('REGISTRY_CORRUPT');
    await write(place.root, root);
    await using registry = await place.open();
    expect(await has(registry, 'ann')).toBe(true);

    // One that runs keeps what it has.
    await write(place.root, '');
    await becomes(registry, 'cutOff');
    expect(registry.state).toMatchObject({ isReadable: true });
    expect(await has(registry, 'ann')).toBe(true);
    await write(place.root, root);
    await becomes(registry, 'live');
  });

  it('keeps records of a kind that it does not know', async () => {
    await using place = await newPlace();
    await using first = await place.open();
    await add(first, 'ann');
    await using connection = await connect();
    const node = (await connection.read(place.root))!;
    const root = parseRoot(node.data.toString());
    const text = '{"version":3,"value":{"some":"thing"}}';
    const next = {
      ...root,
      revision: root.revision + 1,
      digest: xor(root.digest, sumOf('later!x', text)),
      changes: [...root.changes, { revision: root.revision + 1, name: 'later!x', writer: 'newer' }],
    };
    const made = await connection.commit([
      { kind: 'set', path: place.root, data: Buffer.from(rootText(next)), version: node.version },
      { kind: 'create', path: `${place.root}/later!x`, data: Buffer.from(text) },
    ]);
    expect(made).toBe('done');
    expect(await add(first, 'bob')).toBe(true);
    await using second = await place.join();
    expect((await second.list('user')).map(({ key }) => key)).toEqual(['ann', 'bob']);
    expect((await connection.read(`${place.root}/later!x`))?.data.toString()).toBe(text);
  });
});
