// Appends sample transactions to a log for ever, and ends itself at a named point:
//   append-main.mjs <folder> <JSON of options>
//   options: point, times: stop the times-th time that the log passes the point, without a word to anybody else;
//            stallSyncAfter: from so many transactions on, syncing takes for ever;
//            retentionMs, syncIntervalMs, pauseMs (between two flushes), step (how far the clock goes a transaction, ms)
// Prints a line for each of: `open <head>`, `ack <lsn>` (flushed), `durable <lsn> <JSON: bytes of each log file>`,
// `point <name>`.
import { readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { PartKind, schemaIdOf, TransactionSet } from '@drc/protocol';
import { pino } from 'pino';
import { TransactionLog } from '../../../../store/dist/log/transaction-log.js';
import { sampleContents, sampleId } from './sample-transactions.mjs';

const [directory, optionsText] = process.argv.slice(2);
const options = JSON.parse(optionsText);
const { point, times = 1, stallSyncAfter = Infinity, retentionMs } = options;
const { syncIntervalMs = 5, pauseMs = 0, step = 1000 } = options;
const say = (line) => writeSync(1, `${line}\n`);

let wall = Date.UTC(2026, 10, 22);
let elapsed = 0;
const level = `${directory}/level`;
let synced = {};
let left = times;
const hooks = {
  at(reached) {
    if (reached === 'sync.begin') {
      if (log.head.value.lsn >= stallFrom) return new Promise(() => {});
      synced = {};
      for (const name of readdirSync(level)) {
        if (name.endsWith('.log'))
          synced[name] = statSync(`${level}/${name}`, { throwIfNoEntry: false })?.size ?? 0;
      }
    }
    if (reached === 'sync.mark') {
      const { lsn } = JSON.parse(readFileSync(`${directory}/durable-mark`, 'utf8').split('\n')[0]);
      say(`durable ${lsn} ${JSON.stringify(synced)}`);
    }
    if (reached !== point || --left > 0) return undefined;
    say(`point ${reached}`);
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  },
};

const table = {
  schema: 'shop',
  table: 'orders',
  columns: [{ name: 'id', type: 'int', nullable: false, length: 4 }],
  primaryKey: [0],
};
const schemaId = schemaIdOf(table);
function partsOf(content) {
  const bytes = Buffer.alloc(6 + 20 + content.length);
  bytes[0] = PartKind.insert;
  bytes.writeUInt32LE(20 + content.length, 2);
  schemaId.copy(bytes, 6);
  bytes.writeUInt32LE(1, 22);
  bytes.write(content, 26, 'latin1');
  return bytes;
}

let stallFrom = Infinity;
const log = await TransactionLog.open({
  directory,
  topic: 'shop',
  ...(retentionMs === undefined ? {} : { retentionMs }),
  syncIntervalMs,
  diskReserveBytes: 0,
  clock: { now: () => wall, monotonic: () => elapsed },
  logger: pino({ level: 'silent' }),
  hooks,
});
stallFrom = log.head.value.lsn + stallSyncAfter;
say(`open ${log.head.value.lsn}`);
if (log.capture.identity === undefined) {
  const identity = { flavour: 'mariadb', uuid: '', serverId: 1 };
  await log.begin(identity, { file: 'binlog.000001', offset: 4 }, TransactionSet.parse(''), true);
}
wall = Math.max(wall, log.head.value.time);
log.registerTable(table);

for (let number = log.head.value.lsn + 1; ; number++) {
  wall += step;
  elapsed += step;
  log.beginGroup({ id: sampleId(number), commitTime: wall * 1000, origin: '' });
  const contents = sampleContents(number);
  for (const [index, content] of contents.entries()) {
    if (index === contents.length - 1)
      log.endGroup(partsOf(content), { file: 'binlog.000001', offset: number * 10 });
    else log.putChunk(partsOf(content));
    // A large transaction is written while it is still open.
    if (index % 10 === 9) await log.flush();
  }
  if (number % 11 === 0) {
    log.beginGroup({ id: sampleId(number + 1), commitTime: wall * 1000, origin: '' });
    for (let chunk = 0; chunk < 5; chunk++) log.putChunk(partsOf('abandoned'));
    await log.flush();
    log.abandonGroup();
  }
  if (number % 4 !== 0) continue;
  await log.flush();
  say(`ack ${log.head.value.lsn}`);
  await pause(pauseMs);
}
