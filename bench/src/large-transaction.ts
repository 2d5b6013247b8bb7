import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DatabaseServer, type Flavour, startServer, temporaryFolder } from '@drc/local-servers';
import { StoreProcess } from './store-process.js';

/** Of each row: text that compresses about 100:1. */
const rowBytes = 8 * 1024;
const pingEveryMs = 100;

interface LargeRun {
  readonly seconds: number;
  readonly maxRssMiB: number;
  /** The longest that the process took to answer meanwhile. */
  readonly slowestAnswerMs: number;
}

/** The last line of the bench. */
export interface LargeTransactionFigures {
  readonly bench: 'large-transaction';
  /** Of the rows of each of the two transactions. */
  readonly bytes: number;
  /** The larger of the two. */
  readonly maxRssMiB: number;
}

/** One transaction of so many bytes through a store: plain from MariaDB, compressed into one event from MySQL. */
export async function largeTransaction(bytes: number): Promise<LargeTransactionFigures> {
  const plain = await capture('mariadb', ['--innodb-log-file-size=1G'], bytes);
  print('plain, from MariaDB', bytes, plain);
  const compressed = await capture(
    'mysql',
    ['--innodb-redo-log-capacity=2G', '--binlog-transaction-compression=ON'],
    bytes,
  );
  print('compressed, from MySQL', bytes, compressed);
  return {
    bench: 'large-transaction',
    bytes,
    maxRssMiB: Math.round(Math.max(plain.maxRssMiB, compressed.maxRssMiB)),
  };
}

async function capture(flavour: Flavour, args: readonly string[], bytes: number): Promise<LargeRun> {
  await using server = await startServer(flavour, {
    args: [...args, '--innodb-flush-log-at-trx-commit=0', '--max-binlog-size=1G'],
  });
  await using folder = await temporaryFolder('bench');
  const rows = Math.ceil(bytes / rowBytes);
  const firstFile = await writeTransaction(server, rows);
  await using store = await StoreProcess.start({ server, directory: join(folder.path, 'store'), firstFile });
  const captured = new AbortController();
  const answers = slowestAnswer(store, captured.signal);
  const finished = await store.untilRows('bench.large', rows);
  captured.abort();
  return {
    seconds: (finished - store.beganAt) / 1000,
    maxRssMiB: await store.maxRssMiB(),
    slowestAnswerMs: await answers,
  };
}

/** Returns the binlog file in which the transaction stands. */
async function writeTransaction(server: DatabaseServer, rows: number): Promise<string> {
  const connection = await server.connect();
  try {
    await connection.query('CREATE DATABASE bench');
    await connection.query('CREATE TABLE bench.digits (d INT PRIMARY KEY)');
    await connection.query(
      'INSERT INTO bench.digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)',
    );
    await connection.query('CREATE TABLE bench.large (id INT PRIMARY KEY, text LONGTEXT)');
    await connection.query('FLUSH BINARY LOGS');
    const [files] = await connection.query<never[]>('SHOW BINARY LOGS');
    const places = Array.from({ length: String(rows - 1).length }, (_, place) => place);
    const id = places.map((place) => `d${place}.d * ${10 ** place}`).join(' + ');
    const from = places.map((place) => `bench.digits d${place}`).join(', ');
    await connection.query(
      `INSERT INTO bench.large SELECT id, REPEAT(SHA2(id, 256), ${rowBytes / 64})
       FROM (SELECT ${id} AS id FROM ${from}) AS numbers WHERE id < ${rows}`,
    );
    return (files as { Log_name: string }[]).at(-1)!.Log_name;
  } finally {
    await connection.end();
  }
}

/** Asks the process whether it lives, again and again, until the signal; ms of the slowest answer. */
async function slowestAnswer(store: StoreProcess, signal: AbortSignal): Promise<number> {
  let slowest = 0;
  while (!signal.aborted) {
    const asked = performance.now();
    await store.ping();
    slowest = Math.max(slowest, performance.now() - asked);
    await sleep(pingEveryMs);
  }
  return slowest;
}

function print(what: string, bytes: number, { seconds, maxRssMiB, slowestAnswerMs }: LargeRun): void {
  const rate = Math.round(bytes / seconds / 1_000_000);
  console.log(
    `${what}: ${seconds.toFixed(1)} s, ${rate} MB/s, memory at most ${Math.round(maxRssMiB)} MiB, ` +
      `slowest answer ${Math.round(slowestAnswerMs)} ms`,
  );
}
