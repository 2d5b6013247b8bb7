import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultCluster } from './fault-cluster.js';
import { faultsOf, type ReaderEvidence } from './verdict.js';

const settleMs = 180_000;

/**
 * Waits until every reader has the last transaction of a writer that is finished, starting again what has ended, and judges.
 * @param numbers of the ledger, as the source has them
 * @returns what was wrong
 */
export async function settledFaults(cluster: FaultCluster, numbers: readonly number[]): Promise<string[]> {
  return [...(await settled(cluster)), ...(await judged(cluster, numbers))];
}

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
