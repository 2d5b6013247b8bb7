import { startMariadb, temporaryFolder, type DatabaseServer } from '@drc/local-servers';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchChild } from './bench-child.js';
import { BenchHub } from './bench-hub.js';
import { benchServerArguments } from './orders.js';
import { quantile } from './quantile.js';
import { createTicks, tickRate, ticksTable } from './ticks.js';

/** Not counted: processes compile their code. */
const warmUpSeconds = 5;

/** The last line of the bench: from the return of COMMIT to the listener's loop. */
export interface LatencyFigures {
  readonly bench: 'latency';
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly zongjiP50Ms: number;
  readonly zongjiP99Ms: number;
}

/**
 * 1,000 one-row transactions a second: when the SDK's loop has each of them, and when a plain zongji listener beside it
 * does. Writer, store and both listeners are processes of their own.
 */
export async function latency(seconds: number): Promise<LatencyFigures> {
  await using server = await startMariadb({ args: benchServerArguments });
  await using folder = await temporaryFolder('bench');
  await server.query(`CREATE DATABASE bench; ${createTicks}; FLUSH BINARY LOGS`);
  await using hub = await BenchHub.start(server, folder.path, await lastBinlog(server));
  const transactions = (warmUpSeconds + seconds) * tickRate;
  const [host, port, user] = [server.host, String(server.port), server.user];
  const environment = { DRC_MACHINE_KEY: hub.clientKey };
  await using sdk = new BenchChild('tick-listener', ['sdk', hub.url, String(transactions)], environment);
  await using zongji = new BenchChild('tick-listener', [
    'zongji',
    [host, port, user].join(':'),
    String(transactions),
  ]);
  await untilReady(server, [sdk, zongji]);
  console.log(`Writing ${tickRate} transactions a second for ${warmUpSeconds} + ${seconds} s …`);
  await using writer = new BenchChild('tick-writer', [host, port, user, String(transactions)]);
  const committed = await writer.message<Float64Array>();
  const counted = warmUpSeconds * tickRate;
  const lags = async (listener: BenchChild): Promise<Float64Array> =>
    (await listener.message<Float64Array>()).map((arrived, id) => arrived - committed[id]!).subarray(counted);
  const [sdkLags, zongjiLags] = [await lags(sdk), await lags(zongji)];
  const figures = (name: string, values: Float64Array): [number, number] => {
    const [p50, p99, max] = [0.5, 0.99, 1].map((q) => Math.round(quantile(values, q) * 1000) / 1000);
    console.log(`${name.padEnd(8)} p50 ${p50} ms   p99 ${p99} ms   max ${max} ms`);
    return [p50!, p99!];
  };
  const [p50Ms, p99Ms] = figures('SDK', sdkLags);
  const [zongjiP50Ms, zongjiP99Ms] = figures('zongji', zongjiLags);
  return { bench: 'latency', p50Ms, p99Ms, zongjiP50Ms, zongjiP99Ms };
}

async function lastBinlog(server: DatabaseServer): Promise<string> {
  const files = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
  return files.at(-1)!.Log_name;
}

/** Writes rows that do not count until each of them has seen one. */
async function untilReady(server: DatabaseServer, listeners: readonly BenchChild[]): Promise<void> {
  const waiting = new AbortController();
  const ready = Promise.all(listeners.map((listener) => listener.message())).finally(() => waiting.abort());
  for (let id = -1; !waiting.signal.aborted; id -= 1) {
    await server.query(`INSERT INTO ${ticksTable} VALUES (${id}, 'not counted')`);
    await sleep(100);
  }
  await ready;
}
