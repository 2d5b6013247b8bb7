import { setTimeout as sleep } from 'node:timers/promises';
import type { Flavour } from '../support/database-server.js';
import { Random } from '../support/random.js';
import { FaultCluster } from './fault-cluster.js';
import { inject } from './fault-injection.js';
import { type FaultKind, plannedFaults } from './fault-plan.js';
import { FaultWriter } from './fault-writer.js';
import { faultsOf, type Note } from './verdict.js';

export interface FaultRunOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly flavour: Flavour;
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

const settleMs = 120_000;
/** Faults that may be under way at a time. */
const atOnce = 3;

/** Draws faults from the seed while a writer writes, heals, and judges what the readers got. */
export async function runFaults({
  seed,
  seconds,
  flavour,
  leaveOut,
}: FaultRunOptions): Promise<FaultRunResult> {
  const random = new Random(seed);
  await using cluster = await FaultCluster.start({ flavour, stores: 3, readers: 4, leaveOut });
  const writer = new FaultWriter(cluster.source, new Random(seed + 1));
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
    const work = inject(cluster, fault, held)
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
  const numbers = await writer.numbers();
  const faults = [...(await settled(cluster, numbers)), ...(await judged(cluster, numbers))];
  return { seed, flavour, faults, injected, transactions: numbers.length };
}

/** Starts again what has ended, and waits until every reader has the newest transaction. */
async function settled(cluster: FaultCluster, numbers: readonly number[]): Promise<string[]> {
  const deadline = Date.now() + settleMs;
  const last = numbers.at(-1);
  const isLate = new Set(cluster.readers);
  while (isLate.size > 0 && Date.now() < deadline) {
    for (const part of cluster.parts) part.start();
    await sleep(500);
    for (const reader of isLate)
      if ((await cluster.notes(reader)).some((note) => 'numbers' in note && note.numbers.includes(last!)))
        isLate.delete(reader);
  }
  const lines = cluster.stores.map(({ part }) => `${part.name}: ${part.lines.slice(-3).join(' | ')}`);
  return [...isLate].map((reader) => `${reader.name} did not come to the end.\n${lines.join('\n')}`);
}

async function judged(cluster: FaultCluster, numbers: readonly number[]): Promise<string[]> {
  const notes = new Map<string, Note[]>();
  for (const reader of cluster.readers) notes.set(reader.name, await cluster.notes(reader));
  return faultsOf({ numbers, notes, orderOf: sequenceOf });
}

/** Of a GTID of one source: its number is its place. */
const sequenceOf = (id: string): number => Number(/(\d+)$/.exec(id)![1]);
