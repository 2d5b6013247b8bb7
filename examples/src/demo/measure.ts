import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions } from 'mysql2/promise';
import { watchMarks } from './apply-watch.js';
import type { Command } from './command.js';
import { Display } from './display.js';
import { Lag } from './lag.js';
import { Load } from './load.js';
import type { DemoOptions } from './options.js';

const writers = 4;
/** How long nothing may arrive, once the load has ended, before the demo gives up. */
const patienceMs = 30_000;

/** What the load did, and what has arrived of it. */
export interface Measured {
  readonly transactions: number;
  readonly rows: number;
  readonly marks: number;
  readonly received: number;
  readonly lag: Lag;
  readonly applyLag: Lag;
}

/** Runs the load, shows rate and lag, and waits until reader and target have everything. */
export async function measure(
  options: DemoOptions,
  source: ConnectionOptions,
  target: ConnectionOptions,
  received: Map<string, number>,
  processes: readonly Command[],
  signal: AbortSignal,
): Promise<Measured> {
  const load = new Load({
    source: { ...source, database: 'shop' },
    rate: options.rate,
    writers,
  });
  const applied = new Map<string, number>();
  const watching = new AbortController();
  const watch = watchMarks(target, (mark, atMs) => applied.set(mark, atMs), watching.signal);
  const enough = new AbortController();
  const finish = (): void => enough.abort();
  const finishing = setTimeout(finish, options.seconds * 1000);
  signal.addEventListener('abort', finish, { once: true });
  const display = new Display();
  const began = performance.now();
  await load.fill();
  const running = load.run(enough.signal);
  const { committedAt } = load.report;

  const lagOf = (arrivals: ReadonlyMap<string, number>): Lag => {
    const lag = new Lag();
    for (const [mark, committed] of committedAt) {
      const arrived = arrivals.get(mark);
      // a reader may see a transaction before COMMIT returns to the writer
      if (arrived !== undefined) lag.add(Math.max(0, arrived - committed));
    }
    return lag;
  };
  const draw = (): void => {
    const seconds = (performance.now() - began) / 1000;
    const lag = lagOf(received);
    display.show({
      seconds,
      transactions: load.report.transactions,
      rows: load.report.rows,
      transactionsPerSecond: load.report.transactions / Math.min(seconds, options.seconds),
      lagP50Ms: lag.percentile(0.5),
      lagP99Ms: lag.percentile(0.99),
      applyLagP50Ms: lagOf(applied).percentile(0.5),
    });
  };
  const timer = setInterval(draw, 500);
  try {
    await running;
    signal.throwIfAborted();
    let arrived = 0;
    let deadline = Date.now() + patienceMs;
    while (applied.size < committedAt.size || received.size < committedAt.size) {
      if (applied.size + received.size > arrived) deadline = Date.now() + patienceMs;
      arrived = applied.size + received.size;
      const dead = processes.find((process) => process.hasEnded);
      if (dead) throw dead.failure();
      if (Date.now() > deadline) {
        console.log(
          `Nothing has arrived for ${patienceMs / 1000} s: the target has ${applied.size} and the reader ` +
            `${received.size} of ${committedAt.size} transactions.`,
        );
        break;
      }
      await sleep(50, undefined, { signal });
    }
    draw();
  } finally {
    clearInterval(timer);
    clearTimeout(finishing);
    watching.abort();
    await watch;
  }
  return {
    transactions: load.report.transactions,
    rows: load.report.rows,
    marks: committedAt.size,
    received: received.size,
    lag: lagOf(received),
    applyLag: lagOf(applied),
  };
}
