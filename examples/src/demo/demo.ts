import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type MariadbServer, freePort, startMariadb, temporaryFolder } from '@drc/local-servers';
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import { watchMarks } from './apply-watch.js';
import { Command, runCommand } from './command.js';
import { type TableComparison, compareTable } from './compare.js';
import { Display } from './display.js';
import { Disposables } from './disposables.js';
import { Lag } from './lag.js';
import { Load } from './load.js';
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

const writers = 4;
/** How long nothing may arrive, once the load has ended, before the demo gives up. */
const patienceMs = 30_000;
const drc = fileURLToPath(import.meta.resolve('@drc/cli/bin/drc.js'));
const congo = fileURLToPath(import.meta.resolve('@drc/cli/bin/congo.js'));
const reader = fileURLToPath(new URL('../lag-reader.js', import.meta.url));

/** Two servers, the hub, an applier and a reader, each a process of its own; writes, waits, compares. */
export async function runDemo(
  options: DemoOptions,
  signal: AbortSignal,
  hooks: DemoHooks = {},
): Promise<DemoResult> {
  await using cleanUp = new Disposables();
  const { path: folder } = cleanUp.use(await temporaryFolder('demo'));
  say('Starting two MariaDB servers …');
  const [source, target] = await Promise.all(
    [1, 2].map((serverId) => startMariadb({ serverId }).then((server) => cleanUp.use(server))),
  );
  if (source === undefined || target === undefined) throw new Error('There are no servers');
  signal.throwIfAborted();
  for (const server of [source, target]) for (const sql of tablesSql) await server.query(sql);

  say('Starting cluster manager, store, congo and a reader …');
  const hub = await startHub(folder, source, target, cleanUp);
  const received = new Map<string, number>();
  const key = await runCommand(
    [drc, 'cm', 'machine-key', '--client', '--topics', 'shop', ...hub.asAdministrator],
    folder,
  );
  const reading = cleanUp.use(
    new Command({
      args: [reader, 'shop', 'shop.marks'],
      env: { DRC_MANAGER: hub.manager, DRC_MACHINE_KEY: key.trim() },
      cwd: folder,
      logFile: join(folder, 'reader.log'),
      onLine: (line) => {
        const { mark, atMs } = JSON.parse(line) as { mark?: string; atMs: number };
        if (mark !== undefined) received.set(mark, atMs);
      },
    }),
  );

  const report = await measure(options, source, target, received, [...hub.processes, reading], signal);
  await using targetConnection = disposable(await createConnection(connectionTo(target)));
  await using sourceConnection = disposable(await createConnection(connectionTo(source)));
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

interface RunningHub {
  readonly manager: string;
  readonly store: string;
  readonly administrator: { readonly name: string; readonly password: string };
  /** Arguments with which `drc cm` talks to the running manager. */
  readonly asAdministrator: readonly string[];
  readonly processes: readonly Command[];
}

/** The commands that a user would type, with files in `folder`. */
async function startHub(
  folder: string,
  source: MariadbServer,
  target: MariadbServer,
  cleanUp: Disposables,
): Promise<RunningHub> {
  const file = (name: string): string => join(folder, name);
  const [managerPort, managerAdmin, storePort, storeAdmin, congoAdmin] = await Promise.all(
    Array.from({ length: 5 }, () => freePort()),
  );
  const manager = `http://127.0.0.1:${managerPort}`;

  const made = await runCommand([drc, 'cm', 'init', '--data', file('cm')], folder);
  const administrator = {
    name: /^name: (.*)$/m.exec(made)![1]!,
    password: /^password: (.*)$/m.exec(made)![1]!,
  };
  await writeFile(file('admin.password'), administrator.password, { mode: 0o600 });
  const storeKey = await runCommand(
    [drc, 'cm', 'machine-key', '--data', file('cm'), '--topics', 'shop'],
    folder,
  );
  await writeFile(file('store.key'), storeKey, { mode: 0o600 });
  await writeFile(file('source.password'), source.password, { mode: 0o600 });
  await writeFile(file('target.password'), target.password, { mode: 0o600 });
  await writeFile(
    file('cm.yaml'),
    `directory: ${file('cm')}\nlisten: { port: ${managerPort} }\nadmin: { port: ${managerAdmin} }\n`,
  );
  await writeFile(
    file('store.yaml'),
    `topic: shop
directory: ${file('store')}
source: { host: 127.0.0.1, port: ${source.port}, user: ${source.user}, passwordFile: ${file('source.password')} }
listen: { port: ${storePort} }
admin: { port: ${storeAdmin} }
clusterManagers: [${manager}]
machineKeyFile: ${file('store.key')}
`,
  );
  const run = (name: string, args: readonly string[], adminPort: number): Promise<Command> => {
    const command = cleanUp.use(new Command({ args, cwd: folder, logFile: file(`${name}.log`) }));
    return command.until(() => isReady(adminPort)).then(() => command);
  };
  const managerProcess = await run('cm', [drc, 'cm', 'start', '--config', file('cm.yaml')], managerAdmin!);
  const storeProcess = await run(
    'store',
    [drc, 'store', 'start', '--config', file('store.yaml')],
    storeAdmin!,
  );
  const asAdministrator = [
    '--data',
    file('cm'),
    '--manager',
    manager,
    '--user',
    administrator.name,
    '--password-file',
    file('admin.password'),
  ];
  const congoKey = await runCommand(
    [drc, 'cm', 'machine-key', '--client', '--topics', 'shop', ...asAdministrator],
    folder,
  );
  await writeFile(file('congo.key'), congoKey, { mode: 0o600 });
  await writeFile(
    file('congo.yaml'),
    `task: shop-copy
clusterManager: ${manager}
machineKeyFile: ${file('congo.key')}
topic: shop
from: earliest
tables: [{ from: shop.* }]
ddl: ignore
target: { host: 127.0.0.1, port: ${target.port}, user: ${target.user}, passwordFile: ${file('target.password')} }
admin: { port: ${congoAdmin} }
`,
  );
  const congoProcess = await run('congo', [congo, 'run', '--config', file('congo.yaml')], congoAdmin!);
  return {
    manager,
    store: `ws://127.0.0.1:${storePort}`,
    administrator,
    asAdministrator,
    processes: [managerProcess, storeProcess, congoProcess],
  };
}

interface Measured {
  readonly transactions: number;
  readonly rows: number;
  readonly marks: number;
  readonly received: number;
  readonly lag: Lag;
  readonly applyLag: Lag;
}

/** Runs the load, shows rate and lag, and waits until reader and target have everything. */
async function measure(
  options: DemoOptions,
  source: MariadbServer,
  target: MariadbServer,
  received: Map<string, number>,
  processes: readonly Command[],
  signal: AbortSignal,
): Promise<Measured> {
  const load = new Load({
    source: { ...connectionTo(source), database: 'shop' },
    rate: options.rate,
    writers,
  });
  const applied = new Map<string, number>();
  const watching = new AbortController();
  const watch = watchMarks(connectionTo(target), (mark, atMs) => applied.set(mark, atMs), watching.signal);
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
    let deadline = 0;
    while (applied.size < committedAt.size || received.size < committedAt.size) {
      if (applied.size + received.size > arrived) deadline = Date.now() + patienceMs;
      arrived = applied.size + received.size;
      const dead = processes.find((process) => process.exitCode !== null);
      if (dead) throw new Error(`A process ended with code ${dead.exitCode}; its log is ${dead.logFile}`);
      if (Date.now() > deadline) {
        say(
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
  source: MariadbServer,
  target: MariadbServer,
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

async function isReady(adminPort: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => undefined);
  return answer?.ok === true;
}

const connectionTo = (server: MariadbServer): ConnectionOptions => ({
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
