import { join } from 'node:path';
import { DrcError, isDrcError, type LogMoment, type TableVersion } from '@drc/protocol';
import { unseal } from './chunk-record.js';
import { examineDurableMark } from './durable-mark.js';
import { folderBytes } from './folder-size.js';
import { allKeys, preparedRange, readPreparedKey, schemaIdOfKey } from './keys.js';
import { LevelDatabase } from './level-database.js';
import { entriesOf } from './log-proof.js';
import { LogReader } from './log-reader.js';
import { LogSize } from './log-size.js';
import type { SourceIdentity } from './meta.js';
import { decidedAt, preparedLsnOf } from './prepared-groups.js';
import { coversFrom } from './retention.js';
import { newestPoint, type SourcePosition } from './set-index.js';
import { StoppedLog } from './stopped-log.js';

/** What can be told of a log without reading it. */
export interface LogContents {
  readonly lineage: string;
  /** Undefined where capture never began. */
  readonly source: SourceIdentity | undefined;
  /** The oldest and the newest transaction, log times in ms since 1970; undefined where there is none. */
  readonly oldest: LogMoment | undefined;
  readonly newest: LogMoment | undefined;
  readonly transactions: number;
  /** The earliest moment from which it has everything, ms since 1970; infinite where capture never began. */
  readonly coversFrom: number;
  readonly position: SourcePosition | undefined;
  /** As text: what it has, and what it had before the oldest transaction. */
  readonly executed: string;
  readonly setBeforeOldest: string;
  /** What the transactions take of the disk. */
  readonly bytes: number;
  /** By name. */
  readonly tables: readonly { readonly name: string; readonly versions: number }[];
  /** Transactions that wait for their XA COMMIT or ROLLBACK, with the LSN of their XA PREPARE. */
  readonly prepared: readonly { readonly xid: string; readonly lsn: number }[];
}

/** One data folder. */
export interface LogSummary {
  readonly directory: string;
  /** Undefined where neither the durable mark nor the database says it. */
  readonly topic: string | undefined;
  /** The newest transaction that is certainly on the disk; undefined where the mark is gone or damaged. */
  readonly durableLsn: number | undefined;
  /** Of all files. */
  readonly folderBytes: number;
  /** `running`: a store has it open, so that no more can be told. `damaged`: it cannot be opened, or its ends not be read. */
  readonly state: 'stopped' | 'running' | 'damaged';
  /** There where it is stopped. */
  readonly contents: LogContents | undefined;
  /** Why it counts as damaged. */
  readonly fault: string | undefined;
}

/**
 * What a data folder holds, without reading its log.
 * @throws DrcError `LOG_MISSING` where there is no log; `LOG_FORMAT`, `DATA_FOLDER`
 */
export async function summarizeLog(directory: string): Promise<LogSummary> {
  if (!(await LevelDatabase.exists(join(directory, 'level'))))
    throw new DrcError('LOG_MISSING', `There is no log in ${directory}.`, { directory });
  const { mark } = await examineDurableMark(join(directory, 'durable-mark'));
  const base = { directory, durableLsn: mark?.lsn, folderBytes: await folderBytes(directory) };
  try {
    await using log = await StoppedLog.open({ directory });
    const contents = await contentsOf(log);
    return { ...base, topic: log.meta.identity.topic, state: 'stopped', contents, fault: undefined };
  } catch (error) {
    const state = isDrcError(error, 'LOG_LOCKED') ? 'running' : 'damaged';
    if (state === 'damaged' && !isDrcError(error, 'LOG_CORRUPT')) throw error;
    const fault = state === 'damaged' ? (error as DrcError).message : undefined;
    return { ...base, topic: mark?.topic, state, contents: undefined, fault };
  }
}

async function contentsOf({ db, meta }: StoppedLog): Promise<LogContents> {
  const { identity, beginning, tail } = meta;
  const head = await newestPoint(db);
  const headLsn = head?.lsn ?? tail.lsn - 1;
  const transactions = headLsn + 1 - tail.lsn;
  const reader = new LogReader(db, () => ({ headLsn, tailLsn: tail.lsn }));
  const oldestTime = transactions > 0 ? (await reader.firstChunk(tail.lsn)).logTime : undefined;
  return {
    lineage: identity.lineage,
    source: beginning?.identity,
    oldest: oldestTime === undefined ? undefined : { lsn: tail.lsn, time: oldestTime },
    newest: transactions > 0 && head !== undefined ? { lsn: headLsn, time: head.time } : undefined,
    transactions,
    coversFrom: coversFrom(beginning, tail, oldestTime),
    position: head?.position,
    executed: head?.executed ?? tail.setBefore,
    setBeforeOldest: tail.setBefore,
    bytes: await new LogSize(db).measure(tail.lsn),
    tables: await tablesOf(db),
    prepared: await preparedOf(db, headLsn),
  };
}

async function tablesOf(db: LevelDatabase): Promise<LogContents['tables']> {
  const versions = new Map<string, number>();
  const faults: string[] = [];
  for await (const [key, stored] of entriesOf(db, allKeys.tables, faults)) {
    const id = schemaIdOfKey(key).toString('hex');
    const text = unseal(key, stored, `table version ${id}`).toString();
    const { schema, table } = JSON.parse(text) as TableVersion;
    const name = `${schema}.${table}`;
    versions.set(name, (versions.get(name) ?? 0) + 1);
  }
  if (faults[0] !== undefined) throw new DrcError('LOG_CORRUPT', faults[0]);
  return [...versions]
    .map(([name, count]) => ({ name, versions: count }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a store would find: not what never came to its end, nor what is decided. */
async function preparedOf(db: LevelDatabase, headLsn: number): Promise<LogContents['prepared']> {
  const found: { xid: string; lsn: number }[] = [];
  for (let { gte } = allKeys.prepared; ; ) {
    const [first] = await db.scan({ gte, lt: allKeys.prepared.lt }, { maxEntries: 1 });
    if (first === undefined) return found;
    const { xid } = readPreparedKey(first[0]);
    const lsn = preparedLsnOf(first[1]);
    const decided = await decidedAt(db, xid);
    if (lsn <= headLsn && (decided ?? Infinity) > headLsn) found.push({ xid, lsn });
    gte = preparedRange(xid).lt;
  }
}
