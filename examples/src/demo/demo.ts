import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DatabaseServer, startMariadb, temporaryFolder } from '@drc/local-servers';
import { TargetProgress, type TargetOptions } from '@drc/client-sdk/congo';
import { type Connection, createConnection } from 'mysql2/promise';
import { Command } from './command.js';
import { copied, fillSql } from './copy.js';
import { type TableComparison, compareTable } from './compare.js';
import { Disposables } from './disposables.js';
import { guardProcesses } from './process-guard.js';
import { type RunningHub, startHub } from './hub.js';
import { measure } from './measure.js';
import type { DemoOptions } from './options.js';
import { tables, tablesSql } from './tables.js';

/** The last line of the demo. Lags in ms: from the return of COMMIT on the source to the reader's loop, or to the target. */
export interface DemoResult {
  readonly demo: 'ok' | 'failed';
  readonly transactions: number;
  readonly rows: number;
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  readonly applyLagP50Ms: number;
  readonly sourceEqualsTarget: boolean;
}

export interface DemoHooks {
  /** Called between catching up and comparing: for the test of the comparison. */
  readonly beforeCompare?: (target: Connection) => Promise<void>;
}

const reader = fileURLToPath(new URL('../lag-reader.js', import.meta.url));

/** Two servers, the hub, an applier and a reader, each a process of its own; writes, waits, compares. */
export async function runDemo(
  options: DemoOptions,
  signal: AbortSignal,
  hooks: DemoHooks = {},
): Promise<DemoResult> {
  await using cleanUp = new Disposables();
  const { path: folder } = cleanUp.use(await temporaryFolder('demo'));
  const guard = cleanUp.use(guardProcesses(folder));
  say('Starting two MariaDB servers …');
  const [source, target] = await Promise.all(
    [1, 2].map((serverId) => startMariadb({ serverId }).then((server) => cleanUp.use(server))),
  );
  if (source === undefined || target === undefined) throw new Error('There are no servers');
  signal.throwIfAborted();
  for (const server of [source, target]) for (const sql of tablesSql) await server.query(sql);
  await source.query(`SET @@max_recursive_iterations = 1000000; ${fillSql}`);

  say('Starting cluster manager, store, congo and a reader …');
  const hub = await startHub(folder, source, target, guard, cleanUp);
  const began = performance.now();
  await using targetConnection = disposable(await createConnection(connectionTo(target)));
  const rows = await copied(targetConnection.connection, signal);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(`Copied the ${rows} rows that were there, in ${seconds} s; now what changes.`);
  const received = new Map<string, number>();
  const key = await hub.clientKey();
  const reading = cleanUp.use(
    new Command({
      args: [reader, 'shop', 'shop.marks'],
      env: { DRC_MANAGER: hub.manager, DRC_MACHINE_KEY: key.trim() },
      cwd: folder,
      guard,
      logFile: join(folder, 'reader.log'),
      onLine: (line) => {
        const { mark, atMs } = JSON.parse(line) as { mark?: string; atMs: number };
        if (mark !== undefined) received.set(mark, atMs);
      },
    }),
  );

  const report = await measure(
    options,
    connectionTo(source),
    connectionTo(target),
    received,
    [...hub.processes, reading],
    signal,
  );
  await using sourceConnection = disposable(await createConnection(connectionTo(source)));
  await showOwnWrites(sourceConnection.connection, targetConnection.connection, connectionTo(target));
  await hooks.beforeCompare?.(targetConnection.connection);
  const comparisons: TableComparison[] = [];
  for (const table of tables) {
    comparisons.push(
      await compareTable(sourceConnection.connection, targetConnection.connection, `shop.${table}`),
    );
  }
  const equal = printComparison(comparisons);
  const complete = report.received === report.marks;
  if (!complete) say(`The reader missed ${report.marks - report.received} transactions.`);
  if (options.keep) await keepRunning(hub, source, target, signal);
  return {
    demo: equal && complete ? 'ok' : 'failed',
    transactions: report.transactions,
    rows: report.rows,
    lagP50Ms: round(report.lag.percentile(0.5)),
    lagP99Ms: round(report.lag.percentile(0.99)),
    applyLagP50Ms: round(report.applyLag.percentile(0.5)),
    sourceEqualsTarget: equal,
  };
}

/** An app that writes to the source, waits for just that on the target, and reads there what it wrote. */
async function showOwnWrites(source: Connection, target: Connection, options: TargetOptions): Promise<void> {
  await using progress = await TargetProgress.open({ target: options, task: 'shop-copy' });
  await source.query('UPDATE shop.products SET stock = stock + 1 WHERE id = 1');
  const [[written]] = (await source.query('SELECT @@last_gtid AS id')) as unknown as [[{ id: string }]];
  const began = performance.now();
  await progress.waitFor(written.id);
  const waitedMs = performance.now() - began;
  const stock = 'SELECT stock FROM shop.products WHERE id = 1';
  const [there] = await target.query(stock);
  const [here] = await source.query(stock);
  if (JSON.stringify(there) !== JSON.stringify(here)) throw new Error('The target shows an older state.');
  say(
    `Wrote ${written.id} to the source, and read it from the target ${waitedMs.toFixed(1)} ms later (TargetProgress.waitFor).`,
  );
}

function printComparison(comparisons: readonly TableComparison[]): boolean {
  say('Comparing source and target, row by row:');
  for (const { table, sourceRows, targetRows, differences } of comparisons) {
    console.log(
      `  ${table.padEnd(20)} ${String(sourceRows).padStart(8)} rows  ${differences.length === 0 ? 'equal' : `DIFFERENT (target has ${targetRows})`}`,
    );
    for (const difference of differences) console.log(`    ${difference}`);
  }
  return comparisons.every(({ differences }) => differences.length === 0);
}

async function keepRunning(
  hub: RunningHub,
  source: DatabaseServer,
  target: DatabaseServer,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(`${hub.manager}/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(hub.administrator),
  });
  const { token } = (await response.json()) as { token: string };
  console.log(`
Still running; Ctrl-C ends it all.
  source           mariadb --host 127.0.0.1 --port ${source.port} --user ${source.user} shop
  target           mariadb --host 127.0.0.1 --port ${target.port} --user ${target.user} shop
  cluster manager  ${hub.manager}
  store            ${hub.store}
  token            ${token}
Try, in another terminal:
  DRC_MANAGER=${hub.manager} DRC_TOKEN=${token} npx --no -- drc tail shop --from -15m`);
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const connectionTo = (
  server: DatabaseServer,
): Readonly<Record<'host' | 'user' | 'password', string>> & { readonly port: number } => ({
  host: server.host,
  port: server.port,
  user: server.user,
  password: server.password,
});

const disposable = (connection: Connection): { connection: Connection } & AsyncDisposable => ({
  connection,
  [Symbol.asyncDispose]: () => connection.end(),
});

const round = (ms: number): number => Math.round(ms * 100) / 100;
const say = (text: string): void => console.log(text);
