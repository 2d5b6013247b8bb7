import { setTimeout as sleep } from 'node:timers/promises';
import type { Flavour } from '../support/database-server.js';
import { Random } from '../support/random.js';
import { type ClusterSize, FaultCluster } from './fault-cluster.js';
import { inject } from './fault-injection.js';
import { type FaultKind, plannedFaults } from './fault-plan.js';
import { FaultWriter } from './fault-writer.js';
import { fiveReaders, tenReaders } from './reader-kind.js';
import { settledFaults } from './settled-faults.js';

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
  const faults = await settledFaults(cluster, numbers);
  return { seed, flavour, faults, injected, transactions: numbers.length };
}
