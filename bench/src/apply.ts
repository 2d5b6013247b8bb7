import { setTimeout as sleep } from 'node:timers/promises';
import { type DatabaseServer, startMariadb, temporaryFolder } from '@drc/local-servers';
import type { ApplyTaskInput } from './apply-task.js';
import { applyWorkloads, type ApplyWorkload } from './apply-workloads.js';
import { BenchChild } from './bench-child.js';
import { BenchHub } from './bench-hub.js';
import { median } from './median.js';
import { benchServerArguments } from './orders.js';

const rounds = 3;
const deadlineMs = 600_000;

/** Times the rows per second of a MariaDB replica with one thread. */
export interface ApplyRatios {
  /** `atomic: transaction` and `atomic: row`, both with the durability that a server has by default. */
  readonly transaction: number;
  readonly row: number;
  /** `atomic: transaction`, both servers with innodb_flush_log_at_trx_commit = 2. */
  readonly relaxed: number;
}

/** The last line of the bench. */
export interface ApplyFigures {
  readonly bench: 'apply';
  readonly vsNativeReplica: Readonly<Record<ApplyWorkload['name'], ApplyRatios>>;
}

/** Whoever applies: rows per second of each round. */
type Measured = Record<'replica' | 'replica, 8 threads' | 'transaction' | 'row', number[]>;

const durabilities = {
  default: '--innodb-flush-log-at-trx-commit=1',
  relaxed: '--innodb-flush-log-at-trx-commit=2',
};
/** Beside the durability a target is as MariaDB comes: it writes no binlog. */
const targetArguments = [
  '--skip-log-bin',
  '--innodb-doublewrite=1',
  '--innodb-buffer-pool-size=512M',
  '--innodb-log-file-size=256M',
];

/**
 * The same binlog applied by congo and by a replica of MariaDB's own, in turn, each to a new server with the same
 * settings; medians of three. `DRC_BENCH_WORKLOAD` names one workload alone.
 */
export async function apply(rows: number): Promise<ApplyFigures> {
  const only = process.env['DRC_BENCH_WORKLOAD'];
  const figures: Partial<Record<ApplyWorkload['name'], ApplyRatios>> = {};
  for (const workload of applyWorkloads)
    if (only === undefined || only === workload.name) figures[workload.name] = await measure(workload, rows);
  return {
    bench: 'apply',
    vsNativeReplica: figures as ApplyFigures['vsNativeReplica'],
  };
}

async function measure(workload: ApplyWorkload, rows: number): Promise<ApplyRatios> {
  await using source = await startMariadb({ args: benchServerArguments });
  await using folder = await temporaryFolder('bench');
  console.log(`\n${workload.title}: writing ${rows} rows …`);
  for (const sql of workload.prepare) await source.query(sql);
  const before = await position(source, 'gtid_binlog_pos');
  await workload.write(source, rows);
  const firstFile = await lastBinlog(source);
  const origin = { source, before, last: await position(source, 'gtid_binlog_pos') };
  await using hub = await BenchHub.start(source, folder.path, firstFile);
  await hub.store.untilRows('bench.', rows);
  const digest = await digestOf(source, workload);
  const medians = { default: emptyMeasured(), relaxed: emptyMeasured() };
  for (let round = 1; round <= rounds; round += 1) {
    for (const durability of ['default', 'relaxed'] as const) {
      const measured = medians[durability];
      for (const who of Object.keys(measured) as (keyof Measured)[]) {
        if (durability === 'relaxed' && who === 'row') continue;
        await using target = await startMariadb({
          serverId: 2,
          args: [...targetArguments, durabilities[durability]],
        });
        for (const sql of workload.prepare) await target.query(sql);
        const seconds =
          who === 'transaction' || who === 'row'
            ? await byCongo(hub, target, rows / workload.rowsPerTransaction, who)
            : await byReplica(origin, target, who === 'replica' ? 0 : 8);
        if ((await digestOf(target, workload)) !== digest)
          throw new Error(`${who}: the target is not equal.`);
        measured[who].push(rows / seconds);
        console.log(
          `round ${round}   ${durability.padEnd(8)} ${who.padEnd(18)} ${Math.round(rows / seconds / 1000)} k rows/s`,
        );
      }
    }
  }
  const ratio = (durability: keyof typeof durabilities, who: keyof Measured): number =>
    Number((median(medians[durability][who]) / median(medians[durability].replica)).toFixed(2));
  return {
    transaction: ratio('default', 'transaction'),
    row: ratio('default', 'row'),
    relaxed: ratio('relaxed', 'transaction'),
  };
}

const emptyMeasured = (): Measured => ({
  replica: [],
  'replica, 8 threads': [],
  transaction: [],
  row: [],
});

/** Seconds from the start of its applying threads, which find all events in the relay log. */
async function byReplica(
  { source, before, last }: { source: DatabaseServer; before: string; last: string },
  target: DatabaseServer,
  threads: number,
): Promise<number> {
  await target.query(`SET GLOBAL gtid_slave_pos = '${before}'; SET GLOBAL slave_parallel_threads = ${threads};
    CHANGE MASTER TO MASTER_HOST='${source.host}', MASTER_PORT=${source.port}, MASTER_USER='${source.user}', MASTER_USE_GTID=slave_pos;
    START SLAVE IO_THREAD`);
  await until(async () => (await slaveStatus(target))['Gtid_IO_Pos'] === last);
  const began = performance.now();
  await target.query('START SLAVE SQL_THREAD');
  await until(async () => {
    const { Last_SQL_Error: error } = await slaveStatus(target);
    if (error) throw new Error(`The replica has stopped: ${error}`);
    return (await position(target, 'gtid_slave_pos')) === last;
  });
  const seconds = (performance.now() - began) / 1000;
  await target.query('STOP SLAVE');
  return seconds;
}

/** Seconds from the start of the task, with connecting. */
async function byCongo(
  hub: BenchHub,
  target: DatabaseServer,
  transactions: number,
  atomic: ApplyTaskInput['atomic'],
): Promise<number> {
  const input: ApplyTaskInput = { url: hub.url, port: target.port, transactions, atomic };
  await using child = new BenchChild('apply-task', [JSON.stringify(input)], {
    DRC_MACHINE_KEY: hub.clientKey,
  });
  const { seconds } = await child.message<{ seconds: number }>();
  return seconds;
}

async function slaveStatus(target: DatabaseServer): Promise<Record<string, string>> {
  const [row] = (await target.query('SHOW SLAVE STATUS')) as Record<string, string>[];
  return row!;
}

async function position(server: DatabaseServer, variable: string): Promise<string> {
  const [row] = (await server.query(`SELECT @@GLOBAL.${variable} AS value`)) as { value: string }[];
  return row!.value;
}

async function lastBinlog(server: DatabaseServer): Promise<string> {
  const files = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
  return files.at(-1)!.Log_name;
}

async function digestOf(server: DatabaseServer, { digest }: ApplyWorkload): Promise<string> {
  const [row] = (await server.query(digest)) as { digest: string }[];
  return row!.digest;
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error('The replica has not caught up in time.');
    await sleep(20);
  }
}
