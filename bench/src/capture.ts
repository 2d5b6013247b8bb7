import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatabaseServer, startMariadb, temporaryFolder } from '@drc/local-servers';
import ZongJi from '@vlasky/zongji';
import { StoreProcess } from './store-process.js';
import { median } from './median.js';
import { benchServerArguments, fillOrders } from './orders.js';

const rounds = 3;

interface CaptureRun {
  readonly seconds: number;
  readonly maxRssMiB: number;
  readonly logBytes: number;
}

/** The last line of the bench. Ratios above 1: the store is faster. */
export interface CaptureFigures {
  readonly bench: 'capture';
  readonly rowsPerSecond: number;
  readonly vsMysqlbinlog: number;
  readonly vsZongji: number;
  readonly maxRssMiB: number;
  readonly logBytesPerRow: number;
}

/**
 * From connecting to the source until all rows are in the log of a store process, against copying the same binlog files
 * with mysqlbinlog and decoding them with plain zongji; in turn in one run, medians of three.
 */
export async function capture(rows: number): Promise<CaptureFigures> {
  await using server = await startMariadb({ args: benchServerArguments });
  await using folder = await temporaryFolder('bench');
  console.log(`Writing ${rows} rows …`);
  const file = await fillOrders(server, rows);
  const runs: { store: CaptureRun; mysqlbinlog: number; zongji: number }[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const store = await captureWithStore(server, join(folder.path, `store-${round}`), file, rows);
    const mysqlbinlog = await copyWithMysqlbinlog(server, join(folder.path, 'raw-'), file);
    const zongji = await decodeWithZongji(server, file, rows);
    runs.push({ store, mysqlbinlog, zongji });
    const rate = (seconds: number): string => `${Math.round(rows / seconds / 1000)} k rows/s`.padStart(14);
    console.log(
      `round ${round}   store ${rate(store.seconds)}   mysqlbinlog --raw ${rate(mysqlbinlog)}   zongji ${rate(zongji)}`,
    );
  }
  const seconds = median(runs.map(({ store }) => store.seconds));
  const round2 = (value: number): number => Math.round(value * 100) / 100;
  return {
    bench: 'capture',
    rowsPerSecond: Math.round(rows / seconds),
    vsMysqlbinlog: round2(median(runs.map(({ mysqlbinlog }) => mysqlbinlog)) / seconds),
    vsZongji: round2(median(runs.map(({ zongji }) => zongji)) / seconds),
    maxRssMiB: Math.round(Math.max(...runs.map(({ store }) => store.maxRssMiB))),
    logBytesPerRow: round2(median(runs.map(({ store }) => store.logBytes)) / rows),
  };
}

/** `drc store start` with its default configuration. The clock runs from its line `capture begins`, before it asks for events. */
async function captureWithStore(
  server: DatabaseServer,
  directory: string,
  file: string,
  rows: number,
): Promise<CaptureRun> {
  await using store = await StoreProcess.start({ server, directory, firstFile: file });
  const finished = await store.untilRows('bench.orders', rows);
  const maxRssMiB = await store.maxRssMiB();
  const run = { seconds: (finished - store.beganAt) / 1000, maxRssMiB };
  await store.stop();
  return { ...run, logBytes: await folderBytes(directory) };
}

async function copyWithMysqlbinlog(server: DatabaseServer, prefix: string, file: string): Promise<number> {
  const began = performance.now();
  const args = ['--raw', '--read-from-remote-server', '--to-last-log', `--result-file=${prefix}`];
  const login = [`--host=${server.host}`, `--port=${server.port}`, `--user=${server.user}`];
  const child = spawn('mariadb-binlog', ['--no-defaults', ...args, ...login, file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`mysqlbinlog ended with code ${code}`);
  const seconds = (performance.now() - began) / 1000;
  await rm(`${prefix}${file}`);
  return seconds;
}

async function decodeWithZongji(server: DatabaseServer, file: string, rows: number): Promise<number> {
  const reader = new ZongJi({
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
  });
  const began = performance.now();
  let seen = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      reader.on('error', reject);
      reader.on('binlog', (event: { getEventName(): string; rows?: unknown[] }) => {
        if (event.getEventName() !== 'writerows') return;
        seen += event.rows!.length;
        if (seen >= rows) resolve();
      });
      reader.start({
        serverId: 77_001,
        filename: file,
        position: 4,
        includeEvents: ['tablemap', 'writerows', 'rotate'],
      });
    });
    return (performance.now() - began) / 1000;
  } finally {
    reader.stop();
  }
}

async function folderBytes(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = files
    .filter((entry) => entry.isFile())
    .map((entry) => stat(join(entry.parentPath, entry.name)));
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
}
