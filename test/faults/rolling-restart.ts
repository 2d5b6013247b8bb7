import { setTimeout as sleep } from 'node:timers/promises';
import type { Flavour } from '../support/database-server.js';
import { Random } from '../support/random.js';
import { FaultCluster, type ReaderPart } from './fault-cluster.js';
import { FaultWriter } from './fault-writer.js';
import type { Part } from './part.js';
import { fiveReaders } from './reader-kind.js';
import { settledFaults } from './settled-faults.js';
import type { Note } from './verdict.js';

export interface RollingRestart {
  readonly flavour: Flavour;
  /** What was wrong; empty: all promises held. */
  readonly faults: readonly string[];
  /** The longest that a reader waited for the next transaction of a writer that never paused, its own restart left out. */
  readonly longestPauseMs: number;
}

/** Restarts every manager, store and reader in order, one after the other, as an upgrade does, while a writer writes. */
export async function rollingRestart(flavour: Flavour): Promise<RollingRestart> {
  await using cluster = await FaultCluster.start({
    flavour,
    stores: 2,
    managers: 2,
    readers: fiveReaders,
    replica: false,
  });
  const writer = new FaultWriter(() => cluster.source, new Random(1));
  await writer.makeTables();
  const stop = new AbortController();
  const writing = writer.run(stop.signal);
  for (const part of [...cluster.managers, ...cluster.stores.map((store) => store.part)]) await part.ready();
  await allAdvance(cluster, 30);
  const from = Date.now();
  for (const part of [...cluster.managers, ...cluster.stores.map((store) => store.part)]) {
    await restarted(part);
    await part.ready();
    await allAdvance(cluster, 5);
  }
  for (const { part } of cluster.readers) await restarted(part);
  await allAdvance(cluster, 5);
  const to = Date.now();
  stop.abort();
  await writing;
  await writer.finish();
  const faults = await settledFaults(cluster, await writer.numbers());
  const pauses: number[] = [];
  for (const reader of cluster.readers) pauses.push(longestPause(await cluster.notes(reader), from, to));
  return { flavour, faults, longestPauseMs: Math.max(...pauses) };
}

async function restarted(part: Part): Promise<void> {
  part.kill('SIGTERM');
  await part.ended();
  if (part.exitCode !== 0)
    throw new Error(`${part.name} ended with ${part.exitCode}:\n${part.lines.slice(-3).join('\n')}`);
  part.start();
}

/** Waits until each reader has got so many more. */
async function allAdvance(cluster: FaultCluster, more: number): Promise<void> {
  const count = async (reader: ReaderPart): Promise<number> =>
    (await cluster.notes(reader)).filter(isSeen).length;
  const wanted: number[] = [];
  for (const reader of cluster.readers) wanted.push((await count(reader)) + more);
  const deadline = Date.now() + 120_000;
  for (const [index, reader] of cluster.readers.entries())
    while ((await count(reader)) < wanted[index]!) {
      if (Date.now() > deadline) throw new Error(`${reader.part.name} gets nothing more.`);
      await sleep(50);
    }
}

type Seen = Extract<Note, { readonly at: number }>;

const isSeen = (note: Note): note is Seen => 'at' in note;

/** Between two transactions of one life, within these moments. */
function longestPause(notes: readonly Note[], from: number, to: number): number {
  let longest = 0;
  let before: number | undefined;
  for (const note of notes) {
    if ('begin' in note) before = undefined;
    if (!isSeen(note)) continue;
    if (before !== undefined && note.at >= from && before <= to)
      longest = Math.max(longest, note.at - before);
    before = note.at;
  }
  return longest;
}
