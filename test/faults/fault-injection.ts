import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { levelFiles, straceCommand, straceLack } from '../support/strace.js';
import type { Fault as NetworkFault, TcpProxy } from '../support/tcp-proxy.js';
import { durableSource, type FaultCluster, type StorePart } from './fault-cluster.js';
import type { PlannedFault } from './fault-plan.js';
import type { Part } from './part.js';

/**
 * Does a fault to the cluster, and takes it back when its time is over. Parts that another fault holds are left alone:
 * `held` has the names of those.
 * @returns false where it could not be done now
 */
export async function inject(
  cluster: FaultCluster,
  fault: PlannedFault,
  held: Set<string>,
): Promise<boolean> {
  const store = cluster.stores[fault.target % cluster.stores.length]!;
  const reader = cluster.readers[fault.target % cluster.readers.length]!;
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
        store.part.kill('SIGTERM');
        await store.part.ended();
        store.part.start();
      });
    case 'kill the manager':
      return process(cluster.manager, () => killed(cluster.manager, fault.lastsMs));
    case 'freeze the manager':
      return process(cluster.manager, () => frozen(cluster.manager, fault.lastsMs));
    case 'kill a reader':
      return process(reader, () => killed(reader, fault.lastsMs));
    case 'freeze a reader':
      return process(reader, () => frozen(reader, fault.lastsMs));
    case 'kill the source':
      return holding('source', async () => {
        await cluster.source.kill('SIGKILL');
        await sleep(fault.lastsMs);
        await cluster.source.restart(durableSource);
      });
    case 'freeze the source':
      return holding('source', async () => {
        globalThis.process.kill(cluster.source.pid, 'SIGSTOP');
        await sleep(fault.lastsMs);
        globalThis.process.kill(cluster.source.pid, 'SIGCONT');
      });
    case 'cut what goes to the source':
      store.toSource.cut();
      return true;
    case 'stall what comes from the source':
      return network(store.toSource, toSource, { kind: 'stall', direction: 'toClient' });
    case 'flip a bit that comes from the source':
      return network(store.toSource, toSource, {
        kind: 'flip',
        offset: 300 + (fault.detail % 20_000),
        direction: 'toClient',
      });
    case 'half-close a connection to the source':
      store.toSource.halfClose(fault.detail % 2 === 0 ? 'toServer' : 'toClient');
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
      return process(store.part, () => failing(store, 'write', fault));
    case 'fail a sync of a store':
      return process(store.part, () => failing(store, 'fdatasync', fault));
    case 'tear the end of a log':
      return process(store.part, () => torn(store, fault));
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

/** The store runs under strace for a while, and one system call of it fails, or kills it. */
async function failing(store: StorePart, calls: string, { lastsMs, detail }: PlannedFault): Promise<void> {
  if (straceLack !== undefined) return;
  store.part.kill('SIGTERM');
  await store.part.ended();
  const what = ['error=EIO', 'error=ENOSPC', 'signal=SIGKILL'][detail % 3]!;
  store.part.start(
    straceCommand({ calls, what: `${what}:when=${5 + (detail % 40)}`, files: levelFiles(store.folder) }),
  );
  await sleep(lastsMs + 4000);
  store.part.kill();
  await store.part.ended();
  store.part.start();
}

/** What a power cut may leave: the newest write-ahead log without its last bytes. */
async function torn(store: StorePart, { lastsMs, detail }: PlannedFault): Promise<void> {
  store.part.kill();
  await store.part.ended();
  const level = join(store.folder, 'level');
  const logs = (await readdir(level).catch(() => [])).filter((name) => name.endsWith('.log')).toSorted();
  const newest = logs.at(-1);
  if (newest !== undefined) {
    const { size } = await stat(join(level, newest));
    await truncate(join(level, newest), Math.max(0, size - (detail % 200)));
  }
  await sleep(lastsMs);
  store.part.start();
}
