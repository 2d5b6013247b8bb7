import { randomBytes, randomInt } from 'node:crypto';
import { DrcError } from '@drc/protocol';
import { seal, unseal } from './chunk-record.js';
import { metaKey } from './keys.js';
import type { LevelDatabase, WriteBatch } from './level-database.js';

/** Raised with every change that an older version would misread. */
export const logFormat = 1;

/** Which server the log is captured from. */
export interface SourceIdentity {
  readonly flavour: 'mariadb' | 'mysql';
  /** MySQL's server_uuid; empty for MariaDB, which has none. */
  readonly uuid: string;
  readonly serverId: number;
}

/** Written once, with the log. */
export interface LogIdentity {
  readonly format: number;
  readonly topic: string;
  /** 16 random bytes, hexadecimal: a log that was begun anew is another log. */
  readonly lineage: string;
  /** The id under which this store is a replica of its source; random, from 2^31 on, out of the way of real ones. */
  readonly replicaServerId: number;
}

/**
 * Written when capture first knows where it begins, again when it goes on at another server of the topology, and with each
 * transaction that was left out.
 */
export interface LogBeginning {
  /** The server that is captured from. */
  readonly identity: SourceIdentity;
  /** The first transaction that comes from that server; absent: all do. */
  readonly sinceLsn?: number;
  /** ms since 1970 */
  readonly moment: number;
  /** Whether the source had purged nothing before. */
  readonly complete: boolean;
  /** In whose place a GAP stands, ascending; absent: none since logs keep them here. Some may lie before the tail. */
  readonly gaps?: readonly number[];
}

/** The old end. Moved before anything is deleted. */
export interface LogTail {
  /** The oldest transaction that may be read; head + 1 where there is none. */
  readonly lsn: number;
  /** Executed set just before it, as text. */
  readonly setBefore: string;
  /** Log time of the newest transaction that was trimmed; absent where none was. */
  readonly trimmedTime?: number;
  /** Every transaction before this one has been deleted; between here and `lsn`, some may still be there. */
  readonly deletedBefore: number;
}

export const newLogIdentity = (topic: string, lineage = randomBytes(16).toString('hex')): LogIdentity => ({
  format: logFormat,
  topic,
  lineage,
  replicaServerId: randomInt(2 ** 31, 2 ** 32 - 1),
});

const keys = {
  identity: metaKey('identity'),
  beginning: metaKey('beginning'),
  tail: metaKey('tail'),
} as const;

/** Whether a record about the log as a whole stands under this key. */
export const isMetaKey = (key: Buffer): boolean => Object.values(keys).some((one) => one.equals(key));

export interface Meta {
  readonly identity: LogIdentity;
  readonly beginning: LogBeginning | undefined;
  readonly tail: LogTail;
}

/**
 * @param topic which one it must be; undefined: any
 * @returns undefined in a database without a log. @throws DrcError `LOG_FORMAT`, `LOG_CORRUPT`, `DATA_FOLDER`.
 */
export async function readMeta(db: LevelDatabase, topic: string | undefined): Promise<Meta | undefined> {
  const identity = await read<LogIdentity>(db, keys.identity, 'the identity');
  if (identity === undefined) return undefined;
  if (identity.format > logFormat) {
    throw new DrcError(
      'LOG_FORMAT',
      `The log has format ${identity.format}; this version knows ${logFormat}.`,
      {
        format: identity.format,
        known: logFormat,
      },
    );
  }
  if (topic !== undefined && identity.topic !== topic) {
    throw new DrcError('DATA_FOLDER', `The data folder holds topic ${identity.topic}, not ${topic}.`, {
      found: identity.topic,
      wanted: topic,
    });
  }
  const tail = await read<LogTail>(db, keys.tail, 'the tail');
  if (tail === undefined) throw new DrcError('LOG_CORRUPT', 'The log has lost its tail position.');
  return { identity, beginning: await read<LogBeginning>(db, keys.beginning, 'the beginning'), tail };
}

export const putIdentity = (batch: WriteBatch, value: LogIdentity): void => put(batch, keys.identity, value);
export const putBeginning = (batch: WriteBatch, value: LogBeginning): void =>
  put(batch, keys.beginning, value);
export const putTail = (batch: WriteBatch, value: LogTail): void => put(batch, keys.tail, value);

function put(batch: WriteBatch, key: Buffer, value: unknown): void {
  batch.put(key, seal(key, JSON.stringify(value)));
}

async function read<T>(db: LevelDatabase, key: Buffer, what: string): Promise<T | undefined> {
  const stored = await db.get(key);
  return stored === undefined ? undefined : (JSON.parse(unseal(key, stored, what).toString()) as T);
}
