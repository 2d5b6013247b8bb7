import { setTimeout as sleep } from 'node:timers/promises';
import type { Flavour } from '../support/database-server.js';
import { Random } from '../support/random.js';
import { type ClusterSize, FaultCluster } from './fault-cluster.js';
import { inject } from './fault-injection.js';
import { type FaultKind, plannedFaults } from './fault-plan.js';
import { FaultWriter } from './fault-writer.js';
import { fiveReaders, tenReaders } from './reader-kind.js';
import { faultsOf, type ReaderEvidence } from './verdict.js';

export interface FaultRunOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly flavour: Flavour;
  /** Default: the whole cluster. */
  readonly size?: Partial<ClusterSize>;
  /** See `ClusterSize`. */
  readonly leaveOut?: number;
}

export interface FaultRunResult {
  readonly seed: number;
  readonly flavour: Flavour;
  /** What was wrong; empty: all promises held. */
  readonly faults: readonly string[];
  /** How often each fault was done. */
  readonly injected: Readonly<Partial<Record<FaultKind, number>>>;
  readonly transactions: number;
}

const wholeCluster = { stores: 3, managers: 3, readers: tenReaders, replica: true };
/** For short runs: little to start. */
export const smallCluster = { stores: 3, managers: 1, readers: fiveReaders, replica: false };

const settleMs = 180_000;
/** Faults that may be under way at a time. */
const atOnce = 3;

/** Draws faults from the seed while a writer writes, heals, and judges what the readers got. */
export async function runFaults({
  seed,
  seconds,
  flavour,
  size = wholeCluster,
  leaveOut,
}: FaultRunOptions): Promise<FaultRunResult> {
  const random = new Random(seed);
  await using cluster = await FaultCluster.start({ ...wholeCluster, ...size, flavour, leaveOut });
  const writer = new FaultWriter(() => cluster.source, new Random(seed + 1));
  await writer.makeTables();
  const stop = new AbortController();
  const writing = writer.run(stop.signal);
  const injected: Partial<Record<FaultKind, number>> = {};
  const held = new Set<string>();
  const running = new Set<Promise<void>>();
  const end = Date.now() + seconds * 1000;
  await sleep(2000);
  for (const fault of plannedFaults(random)) {
    if (Date.now() > end) break;
    while (running.size >= atOnce) await Promise.race(running);
    const work = inject({ cluster, writer, held }, fault)
      .then((isDone) => {
        if (isDone) injected[fault.kind] = (injected[fault.kind] ?? 0) + 1;
      })
      .finally(() => running.delete(work));
    running.add(work);
    await sleep(fault.pauseMs);
  }
  await Promise.all(running);
  stop.abort();
  await writing;
  await writer.finish();
  const numbers = await writer.numbers();
  const faults = [...(await settled(cluster)), ...(await judged(cluster, numbers))];
  return { seed, flavour, faults, injected, transactions: numbers.length };
}

/** Starts again what has ended, and waits until every reader has the last transaction. */
async function settled(cluster: FaultCluster): Promise<string[]> {
  const deadline = Date.now() + settleMs;
  const isLate = new Set(cluster.readers);
  while (isLate.size > 0 && Date.now() < deadline) {
    for (const part of cluster.parts) part.start();
    await sleep(500);
    for (const reader of isLate) {
      const notes = await cluster.notes(reader);
      if (notes.some((note) => 'ddl' in note && note.ddl.includes('ALTER TABLE'))) isLate.delete(reader);
    }
  }
  const lines = cluster.stores.map(({ part }) => `${part.name}: ${part.lines.slice(-3).join(' | ')}`);
  return [...isLate].map(({ part }) => `${part.name} did not come to the end.\n${lines.join('\n')}`);
}

async function judged(cluster: FaultCluster, numbers: readonly number[]): Promise<string[]> {
  const readers: ReaderEvidence[] = [];
  for (const reader of cluster.readers) {
    const { view, isShare } = reader.kind;
    readers.push({ name: reader.part.name, view, isShare, notes: await cluster.notes(reader) });
  }
  return faultsOf({ numbers, readers, orderOf: await cluster.orderOf() });
}
