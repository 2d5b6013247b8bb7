import { join } from 'node:path';
import { Checkpoint, connect, type Hub, type SubscribeOptions, TransactionSet } from '@drc/client-sdk';
import { temporaryFolder } from '@drc/local-servers';
import { BenchHub } from './bench-hub.js';
import { quantile } from './quantile.js';
import { buildSeekLog, rowsPerTransaction, seekSource, type SeekLog } from './seek-log.js';

const sessions = 200;
const warmUps = 20;

/** The last line of the bench: of all sessions but those that begin at an end of the log. */
export interface SeekFigures {
  readonly bench: 'seek';
  readonly rows: number;
  /** From `subscribe` to the first transaction in the loop. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Where a session begins: `number` is the transaction that a reader is to get, about. */
type Start = (number: number, log: SeekLog, lineage: string) => NonNullable<SubscribeOptions['from']>;

const idOf = (number: number): string => `${seekSource.uuid}:${number}`;
const setUpTo = (number: number): TransactionSet => TransactionSet.parse(`${seekSource.uuid}:1-${number}`);

const random: Readonly<Record<string, Start>> = {
  'a timestamp': (number, { from, to, transactions }) => ({
    timestamp: Math.round(from + ((to - from) * number) / transactions),
  }),
  'a transaction': (number) => ({ transaction: idOf(number) }),
  'a checkpoint of this store': (number, _log, lineage) => ({
    checkpoint: new Checkpoint({
      topic: 'bench',
      set: setUpTo(number - 1),
      hint: { lineage, lsn: number - 1 },
    }),
  }),
  'a checkpoint of another': (number) => ({
    checkpoint: new Checkpoint({ topic: 'bench', set: setUpTo(number - 1) }),
  }),
};

/** Sessions of the SDK that begin at random moments of a long log, one after the other; the store is a process of its own. */
export async function seek(rows: number): Promise<SeekFigures> {
  await using folder = await temporaryFolder('bench');
  const log = await build(join(folder.path, 'store'), rows);
  // Nobody is captured from: the log has all that is read.
  const server = { host: '127.0.0.1', port: 9, user: 'nobody', password: '' };
  await using bench = await BenchHub.start(
    server,
    folder.path,
    seekSource.file,
    'Announced to the cluster manager',
  );
  await using hub = await connect({
    clusterManager: bench.url,
    credentials: { machineKey: bench.clientKey },
  });
  const lineage = await lineageOf(hub);
  for (let warmUp = 0; warmUp < warmUps; warmUp++) await open(hub, 'earliest');
  const all: number[] = [];
  console.log(`from                         p50 ms   p99 ms   slowest`);
  for (const [name, start] of Object.entries(random)) {
    const times: number[] = [];
    for (let session = 0; session < sessions; session++) {
      const number = 2 + Math.floor(Math.random() * (log.transactions - 2));
      const from = start(number, log, lineage);
      const { ms, number: found } = await open(hub, from);
      check(name, number, found);
      times.push(ms);
    }
    print(name, times);
    all.push(...times);
  }
  const earliest: number[] = [];
  for (let session = 0; session < sessions; session++) earliest.push((await open(hub, 'earliest')).ms);
  print('earliest', earliest);
  return {
    bench: 'seek',
    rows: log.transactions * rowsPerTransaction,
    p50Ms: rounded(quantile(all, 0.5)),
    p99Ms: rounded(quantile(all, 0.99)),
  };
}

async function build(directory: string, rows: number): Promise<SeekLog> {
  console.log(`Appending ${rows} rows …`);
  const began = performance.now();
  const log = await buildSeekLog(directory, rows);
  const seconds = (performance.now() - began) / 1000;
  console.log(`${log.transactions} transactions in ${Math.round(seconds)} s`);
  return log;
}

/** Of the one store: what its checkpoints carry as a hint. */
async function lineageOf(hub: Hub): Promise<string> {
  await using subscription = hub.subscribe('bench', { from: 'earliest' });
  for await (const _transaction of subscription) {
    const status = subscription.status();
    if ('store' in status) return status.store;
  }
  throw new Error('The stream ended.');
}

/** Opens a session and reads one transaction: how long that took, and which it was. */
async function open(
  hub: Hub,
  from: NonNullable<SubscribeOptions['from']>,
): Promise<{ readonly ms: number; readonly number: number }> {
  const began = performance.now();
  await using subscription = hub.subscribe('bench', { from, windowBytes: 64 * 1024 });
  for await (const { id } of subscription)
    return { ms: performance.now() - began, number: Number(id.slice(id.lastIndexOf(':') + 1)) };
  throw new Error('The stream ended.');
}

/** By a time the margin comes before it: never later, and not much earlier. */
function check(name: string, wanted: number, found: number): void {
  if (found > wanted || (name !== 'a timestamp' && found !== wanted))
    throw new Error(`A session from ${name} began at ${found} instead of ${wanted}.`);
}

const rounded = (ms: number): number => Math.round(ms * 10) / 10;

function print(name: string, times: readonly number[]): void {
  const cells = [quantile(times, 0.5), quantile(times, 0.99), Math.max(...times)].map((ms) =>
    rounded(ms).toFixed(1).padStart(8),
  );
  console.log(`${name.padEnd(27)}${cells.join(' ')}`);
}
