import { startMariadb, temporaryFolder, type DatabaseServer } from '@drc/local-servers';
import { BenchChild } from './bench-child.js';
import { BenchHub } from './bench-hub.js';
import { LagHistogram } from './lag-histogram.js';
import { benchServerArguments, fillOrders, ordersTable } from './orders.js';
import { cpuMs, rssBytes } from './process-usage.js';
import { createTicks, tickRate } from './ticks.js';

/** Numbers of live readers that are measured; the one that the last line speaks of. */
const steps = [0, 1, 10, 100, 200, 500];
const spoken = 200;
const replayers = 20;
/** What there is to replay, in transactions of ten rows. */
const historyRows = 1_000_000;
/** A seek by time goes back so far on MariaDB, and the log begins where the history does. */
const seekMarginMs = 12_000;
/** Live readers are divided over so many processes. */
const processes = 2;

interface Step {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rowsPerSecond: number;
  readonly storeCpuMs: number;
  readonly storeRss: number;
  readonly megabytes: number;
}

/** The last line of the bench. */
export interface FanoutFigures {
  readonly bench: 'fanout';
  readonly readers: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Against one live reader: those that replay are there too then. */
  readonly storeBytesPerReader: number;
  /** CPU time of the store for a captured row, with these readers against none. */
  readonly captureSlowdown: number;
}

/** Live readers of one store at 1,000 one-row transactions a second, while others replay history. */
export async function fanout(seconds: number): Promise<FanoutFigures> {
  await using server = await startMariadb({ args: benchServerArguments });
  await using folder = await temporaryFolder('bench');
  console.log(`Writing ${historyRows} rows …`);
  const begun = Date.now() + seekMarginMs;
  const firstFile = await fillOrders(server, historyRows);
  const filled = Date.now();
  await using hub = await BenchHub.start(server, folder.path, firstFile);
  await hub.store.untilRows(ordersTable, historyRows);
  const results: Step[] = [];
  for (const readers of steps) {
    await server.query(`DROP TABLE IF EXISTS bench.ticks; ${createTicks}`);
    const step = await measure({ server, hub, readers, seconds, history: [begun, filled] });
    results.push(step);
    console.log(row(readers, step, seconds));
  }
  const none = results[0]!;
  const one = results[steps.indexOf(1)]!;
  const { p50Ms, p99Ms, storeCpuMs, storeRss } = results[steps.indexOf(spoken)]!;
  return {
    bench: 'fanout',
    readers: spoken,
    p50Ms,
    p99Ms,
    storeBytesPerReader: Math.round((storeRss - one.storeRss) / (spoken - 1)),
    captureSlowdown: Math.round((storeCpuMs / none.storeCpuMs) * 100) / 100,
  };
}

interface Work {
  readonly server: DatabaseServer;
  readonly hub: BenchHub;
  readonly readers: number;
  readonly seconds: number;
  /** ms since 1970: between these the history was written. */
  readonly history: readonly [number, number];
}

async function measure(work: Work): Promise<Step> {
  const children: BenchChild[] = [];
  try {
    return await measureWith(work, (name, args) => {
      const child = new BenchChild(name, args.map(String), { DRC_MACHINE_KEY: work.hub.clientKey });
      children.push(child);
      return child;
    });
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
  }
}

async function measureWith(
  { server, hub, readers, seconds, history }: Work,
  start: (name: string, args: readonly (string | number)[]) => BenchChild,
): Promise<Step> {
  const transactions = seconds * tickRate;
  const replaying =
    readers === 0 ? undefined : start('fanout-replay', [hub.url, replayers, ...history, historyRows / 10]);
  await replaying?.message();
  const live = Array.from({ length: Math.min(readers, processes) }, (_, index) => {
    const share = Math.floor((readers + index) / Math.min(readers, processes));
    return start('fanout-live', [hub.url, share, transactions]);
  });
  for (const each of live) await each.message();
  const { pid } = hub.store;
  const cpuBefore = await cpuMs(pid);
  const writer = start('tick-writer', [server.host, server.port, server.user, transactions]);
  const committed = await writer.message<Float64Array>();
  const storeCpuMs = (await cpuMs(pid)) - cpuBefore;
  const storeRss = await rssBytes(pid);
  replaying?.send({});
  const replayed = (await replaying?.message<{ rows: number; bytes: number }>()) ?? { rows: 0, bytes: 0 };
  const lags = new LagHistogram();
  let { bytes } = replayed;
  for (const each of live) {
    each.send(committed);
    const answer = await each.message<{ counts: Uint32Array; bytes: number }>();
    lags.addAll(answer.counts);
    bytes += answer.bytes;
  }
  return {
    p50Ms: lags.quantile(0.5),
    p99Ms: lags.quantile(0.99),
    rowsPerSecond: (readers * transactions + replayed.rows) / seconds,
    storeCpuMs,
    storeRss,
    megabytes: bytes / 2 ** 20,
  };
}

function row(readers: number, step: Step, seconds: number): string {
  const { p50Ms, p99Ms, rowsPerSecond, storeCpuMs, storeRss, megabytes } = step;
  const lag = readers === 0 ? '' : `lag p50 ${p50Ms} ms, p99 ${p99Ms} ms   `;
  const perMiB = megabytes === 0 ? '' : `, ${(storeCpuMs / megabytes).toFixed(2)} ms for a MiB delivered`;
  return (
    `${String(readers).padStart(3)} readers   ${lag}${Math.round(rowsPerSecond)} rows/s delivered   store: ` +
    `${(storeCpuMs / (seconds * 10)).toFixed(0)} % of a core${perMiB}, ${Math.round(storeRss / 2 ** 20)} MiB`
  );
}
