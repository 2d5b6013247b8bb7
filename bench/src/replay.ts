import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startMariadb, temporaryFolder } from '@drc/local-servers';
import { BenchHub } from './bench-hub.js';
import { median } from './median.js';
import { benchServerArguments, fillOrders } from './orders.js';

const rounds = 3;

/** The last line of the bench. */
export interface ReplayFigures {
  readonly bench: 'replay';
  /** Typed objects by `tx.all()`. */
  readonly rowsPerSecond: number;
  /** The same by `for await` over `tx.changes`. */
  readonly forAwaitRowsPerSecond: number;
  readonly readers: 1;
}

/** All rows from the log of a store process through the SDK in another process; medians of three. */
export async function replay(rows: number): Promise<ReplayFigures> {
  await using server = await startMariadb({ args: benchServerArguments });
  await using folder = await temporaryFolder('bench');
  console.log(`Writing ${rows} rows …`);
  const firstFile = await fillOrders(server, rows);
  await using hub = await BenchHub.start(server, folder.path, firstFile);
  await hub.store.untilRows('bench.orders', rows);
  const measured = { all: [] as number[], changes: [] as number[] };
  for (let round = 1; round <= rounds; round += 1) {
    for (const way of ['all', 'changes'] as const) {
      const rate = rows / (await readAll(hub, way, rows));
      measured[way].push(rate);
      console.log(
        `round ${round}   ${way === 'all' ? 'tx.all()            ' : 'for await tx.changes'}   ${Math.round(rate / 1000)} k rows/s`,
      );
    }
  }
  return {
    bench: 'replay',
    rowsPerSecond: Math.round(median(measured.all)),
    forAwaitRowsPerSecond: Math.round(median(measured.changes)),
    readers: 1,
  };
}

/** Seconds that another process takes for all rows, as it measures them itself. */
async function readAll(hub: BenchHub, way: string, rows: number): Promise<number> {
  const reader = fileURLToPath(new URL('./replay-reader.js', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, reader, hub.url, way, String(rows)], {
    env: { ...process.env, DRC_MACHINE_KEY: hub.clientKey },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`The reader ended with code ${code}`);
  return (JSON.parse(output) as { seconds: number }).seconds;
}
