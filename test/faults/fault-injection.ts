import { fileURLToPath } from 'node:url';
import { open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { levelFiles, straceCommand, straceLack } from '../support/strace.js';
import type { Fault as NetworkFault, TcpProxy } from '../support/tcp-proxy.js';
import { beginAnew, type FaultCluster, type StorePart } from './fault-cluster.js';
import type { PlannedFault } from './fault-plan.js';
import type { FaultWriter } from './fault-writer.js';
import type { Part } from './part.js';

const clockShift = fileURLToPath(new URL('clock-shift.mjs', import.meta.url));

/** What faults are done to. */
export interface Victims {
  readonly cluster: FaultCluster;
  readonly writer: FaultWriter;
  /** Names of the parts that a fault holds: another one leaves them alone. */
  readonly held: Set<string>;
}

/**
 * Does a fault to the cluster, and takes it back when its time is over.
 * @returns false where it could not be done now
 */
export async function inject({ cluster, writer, held }: Victims, fault: PlannedFault): Promise<boolean> {
  const store = cluster.stores[fault.target % cluster.stores.length]!;
  const reader = cluster.readers[fault.target % cluster.readers.length]!.part;
  const manager = cluster.managers[fault.target % cluster.managers.length]!;
  const { zookeeper } = cluster;
  const holding = async (name: string, work: () => Promise<void>): Promise<boolean> => {
    if (held.has(name)) return false;
    held.add(name);
    try {
      await work();
    } finally {
      held.delete(name);
    }
    return true;
  };
  const process = (part: Part, work: () => Promise<void>): Promise<boolean> => holding(part.name, work);
  const network = (proxy: TcpProxy, name: string, what: NetworkFault): Promise<boolean> =>
    holding(name, async () => {
      proxy.set(what);
      // A bit is flipped at a place of a connection: of those that come.
      if (what.kind === 'flip' || what.kind === 'refuse') proxy.cut();
      await sleep(fault.lastsMs);
      proxy.set({ kind: 'none' });
      if (what.kind === 'stall') proxy.cut();
    });
  const toSource = `${store.part.name} to the source`;
  const toReaders = `readers to ${store.part.name}`;
  switch (fault.kind) {
    case 'kill a store':
      return process(store.part, () => killed(store.part, fault.lastsMs));
    case 'freeze a store':
      return process(store.part, () => frozen(store.part, fault.lastsMs));
    case 'stop a store in order':
      return process(store.part, async () => {
        await stopped(store.part);
        store.part.start();
      });
    case 'kill a manager':
      return process(manager, () => killed(manager, fault.lastsMs));
    case 'freeze a manager':
      return process(manager, () => frozen(manager, fault.lastsMs));
    case 'kill ZooKeeper':
      if (zookeeper === undefined) return false;
      return holding('ZooKeeper', async () => {
        await zookeeper.kill();
        await sleep(fault.lastsMs);
        await zookeeper.restart();
      });
    case 'freeze ZooKeeper':
      if (zookeeper === undefined) return false;
      return holding('ZooKeeper', async () => {
        await zookeeper.kill('SIGSTOP');
        await sleep(fault.lastsMs);
        await zookeeper.kill('SIGCONT');
      });
    case 'kill a reader':
      return process(reader, () => killed(reader, fault.lastsMs));
    case 'freeze a reader':
      return process(reader, () => frozen(reader, fault.lastsMs));
    case 'kill the source':
      return holding('source', async () => {
        await cluster.source.kill('SIGKILL');
        await sleep(fault.lastsMs);
        await cluster.restartSource();
      });
    case 'freeze the source':
      return holding('source', async () => {
        await cluster.source.kill('SIGSTOP');
        await sleep(fault.lastsMs);
        await cluster.source.kill('SIGCONT');
      });
    case 'promote the replica':
      if (!cluster.canPromote) return false;
      return holding('source', () => writer.whilePaused(() => cluster.promote()));
    case 'cut what goes to the source':
      cluster.toSource(store).cut();
      return true;
    case 'stall what comes from the source':
      return network(cluster.toSource(store), toSource, { kind: 'stall', direction: 'toClient' });
    case 'flip a bit that comes from the source':
      return network(cluster.toSource(store), toSource, {
        kind: 'flip',
        offset: 300 + (fault.detail % 20_000),
        direction: 'toClient',
      });
    case 'half-close a connection to the source':
      cluster.toSource(store).halfClose(fault.detail % 2 === 0 ? 'toServer' : 'toClient');
      return true;
    case 'cut what goes to readers':
      store.toReaders.cut();
      return true;
    case 'stall what goes to readers':
      return network(store.toReaders, toReaders, { kind: 'stall', direction: 'toClient' });
    case 'flip a bit that goes to readers':
      return network(store.toReaders, toReaders, {
        kind: 'flip',
        offset: fault.detail % 20_000,
        direction: 'toClient',
      });
    case 'half-close a connection of a reader':
      store.toReaders.halfClose(fault.detail % 2 === 0 ? 'toServer' : 'toClient');
      return true;
    case 'refuse readers':
      return network(store.toReaders, toReaders, { kind: 'refuse' });
    case 'fail a write of a store':
      if (straceLack !== undefined) return false;
      return process(store.part, () => failing(store, 'write', fault));
    case 'fail a sync of a store':
      if (straceLack !== undefined) return false;
      return process(store.part, () => failing(store, 'fdatasync', fault));
    case 'fill the disk of a store': {
      const full = cluster.stores.find(({ disk }) => disk !== undefined);
      return full === undefined ? false : process(full.part, () => filled(full, fault.lastsMs));
    }
    case 'tear the end of a log':
      return process(store.part, () => torn(store, fault));
    case 'flip a bit of a log':
      return process(store.part, () => rotten(store, fault));
    case 'shift the clock of a store':
      return process(store.part, () => shifted(store.part, fault));
  }
}

async function killed(part: Part, forMs: number): Promise<void> {
  part.kill();
  await part.ended();
  await sleep(forMs);
  part.start();
}

async function frozen(part: Part, forMs: number): Promise<void> {
  part.freeze();
  await sleep(forMs);
  part.thaw();
}

async function stopped(part: Part): Promise<void> {
  part.kill('SIGTERM');
  await part.ended();
}

/** The store runs under strace for a while, and one system call of it fails, or kills it. */
async function failing(store: StorePart, calls: string, { lastsMs, detail }: PlannedFault): Promise<void> {
  await stopped(store.part);
  const what = ['error=EIO', 'error=ENOSPC', 'signal=SIGKILL'][detail % 3]!;
  const under = straceCommand({
    calls,
    what: `${what}:when=${5 + (detail % 40)}`,
    files: levelFiles(store.folder),
  });
  store.part.start({ under });
  await sleep(lastsMs + 4000);
  store.part.kill();
  await store.part.ended();
  store.part.start();
}

/** No byte more finds room on the disk. */
async function filled({ disk }: StorePart, forMs: number): Promise<void> {
  const filler = join(disk!.path, 'filler');
  const file = await open(filler, 'w');
  try {
    const piece = Buffer.alloc(1024 * 1024);
    for (let length = piece.length; length > 0; length = Math.floor(length / 2)) {
      for (;;) {
        const written = await file.write(piece, 0, length).catch(() => undefined);
        if (written === undefined || written.bytesWritten < length) break;
      }
    }
    await sleep(forMs);
  } finally {
    await file.close();
    await rm(filler);
  }
}

/** What a power cut may leave: the newest write-ahead log without its last bytes. */
async function torn({ part, folder }: StorePart, { lastsMs, detail }: PlannedFault): Promise<void> {
  part.kill();
  await part.ended();
  const newest = (await levelFilesOf(folder)).filter(({ path }) => path.endsWith('.log')).at(-1);
  if (newest !== undefined) await truncate(newest.path, Math.max(0, newest.size - (detail % 200)));
  await sleep(lastsMs);
  part.start();
}

/**
 * A bit of the data flips while the store is down. It finds out when it starts, or when a reader needs what is there; after a while
 * its operator gives the log up, whatever it found.
 */
async function rotten(store: StorePart, { lastsMs, detail }: PlannedFault): Promise<void> {
  const { part, folder } = store;
  part.kill();
  await part.ended();
  const files = (await levelFilesOf(folder)).filter(
    ({ path, size }) => size > 0 && /\.(log|ldb)$/.test(path),
  );
  const victim = files[detail % Math.max(1, files.length)];
  if (victim !== undefined) await flip(victim.path, detail % victim.size, detail % 8);
  part.start();
  await sleep(lastsMs + 2000);
  await beginAnew(store);
}

async function flip(path: string, at: number, bit: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte[0]! ^= 1 << bit;
    await file.write(byte, 0, 1, at);
  } finally {
    await file.close();
  }
}

/** The store's wall clock is off, by less than tickets bear. */
async function shifted(part: Part, { lastsMs, detail }: PlannedFault): Promise<void> {
  await stopped(part);
  const shift = (detail % 30_000) - 15_000;
  part.start({ node: ['--import', clockShift], environment: { DRC_TEST_CLOCK_SHIFT_MS: String(shift) } });
  await sleep(lastsMs + 2000);
  await stopped(part);
  part.start();
}

/** By name: the newest last. */
async function levelFilesOf(folder: string): Promise<{ readonly path: string; readonly size: number }[]> {
  const level = join(folder, 'level');
  const names = await readdir(level).catch(() => []);
  const files = names
    .toSorted((one, other) => (one < other ? -1 : 1))
    .map(async (name) => {
      const path = join(level, name);
      return { path, size: (await stat(path)).size };
    });
  return Promise.all(files);
}
