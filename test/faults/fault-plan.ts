import type { Random } from '../support/random.js';

export const faultKinds = [
  'kill a store',
  'freeze a store',
  'stop a store in order',
  'kill a manager',
  'freeze a manager',
  'kill ZooKeeper',
  'freeze ZooKeeper',
  'kill a reader',
  'freeze a reader',
  'kill the source',
  'freeze the source',
  'promote the replica',
  'cut what goes to the source',
  'stall what comes from the source',
  'flip a bit that comes from the source',
  'half-close a connection to the source',
  'cut what goes to readers',
  'stall what goes to readers',
  'flip a bit that goes to readers',
  'half-close a connection of a reader',
  'refuse readers',
  'fail a write of a store',
  'fail a sync of a store',
  'fill the disk of a store',
  'tear the end of a log',
  'flip a bit of a log',
  'shift the clock of a store',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** One fault, as the seed has drawn it. */
export interface PlannedFault {
  readonly kind: FaultKind;
  /** Which of the parts that it can strike, from 0; taken modulo their number. */
  readonly target: number;
  /** How long it lasts, ms. */
  readonly lastsMs: number;
  /** How long after it has begun the next one does, ms. */
  readonly pauseMs: number;
  /** Anything more that the fault wants to draw: where a bit flips, which call fails. */
  readonly detail: number;
}

/** Faults without end, the same for the same seed. */
export function* plannedFaults(random: Random): Generator<PlannedFault> {
  for (;;) {
    const isLong = random.below(8) === 0;
    yield {
      kind: random.pick(faultKinds),
      target: random.below(1000),
      lastsMs: isLong ? 3000 + random.below(5000) : 200 + random.below(1800),
      pauseMs: random.below(1500),
      detail: random.below(1_000_000),
    };
  }
}
