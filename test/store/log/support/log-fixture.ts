import { PartKind, schemaIdOf, type TableVersion } from '@drc/protocol';
import { pino } from 'pino';
import type { Clock } from '../../../../store/src/clock.js';
import { TransactionLog, type LogOptions } from '../../../../store/src/log/transaction-log.js';

/** A clock that moves by hand. Both of its faces go together, unless a test moves one alone. */
export class HandClock implements Clock {
  wall: number;
  elapsed = 0;

  constructor(wall = Date.UTC(2026, 10, 22)) {
    this.wall = wall;
  }

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.elapsed;
  }

  advance(ms: number): void {
    this.wall += ms;
    this.elapsed += ms;
  }
}

export const silent = pino({ level: 'silent' });

export const orders: TableVersion = {
  schema: 'shop',
  table: 'orders',
  columns: [{ name: 'id', type: 'int', nullable: false, length: 4 }],
  primaryKey: [0],
};

export const tableNamed = (table: string): TableVersion => ({ ...orders, table });

/** The parts of a chunk: one insert of rows that hold these bytes. */
export function insertOf(version: TableVersion, bytes: Buffer | string, rows = 1): Buffer {
  const body = Buffer.concat([schemaIdOf(version), u32(rows), Buffer.from(bytes)]);
  return Buffer.concat([Buffer.of(PartKind.insert, 0), u32(body.length), body]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Opens a log whose timers never fire, unless the test says otherwise. */
export const openLog = (directory: string, options: Partial<LogOptions> = {}): Promise<TransactionLog> =>
  TransactionLog.open({
    directory,
    topic: 'shop',
    syncIntervalMs: 1_000_000_000,
    clock: new HandClock(),
    logger: silent,
    diskReserveBytes: 0,
    ...options,
  });

export const source = { flavour: 'mariadb', uuid: '', serverId: 1 } as const;

/** One whole transaction of the source's domain 0: its sequence is its LSN, its commit time as given (ms). */
export function append(
  log: TransactionLog,
  sequence: number,
  commitTimeMs: number,
  chunks: readonly Buffer[] = [Buffer.alloc(0)],
): void {
  log.beginGroup({ id: `0-1-${sequence}`, commitTime: commitTimeMs * 1000, origin: '' });
  for (const parts of chunks.slice(0, -1)) log.putChunk(parts);
  log.endGroup(chunks.at(-1)!, { file: 'binlog.000001', offset: 1000 + sequence * 100 });
}

/** Everything that can be read, as `lsn/chunk id` and content. */
export async function contentOf(log: TransactionLog, maxBytes = 64 * 1024): Promise<string[]> {
  const found: string[] = [];
  const signal = new AbortController().signal;
  let cursor = { lsn: log.extent().oldest.lsn, chunk: 0 };
  for (;;) {
    const { chunks, next } = await log.read(cursor, { maxBytes, signal });
    if (chunks.length === 0) return found;
    for (const { lsn, chunk, last, id, bytes, partsAt } of chunks)
      found.push(`${lsn}/${chunk}${last ? '.' : ''} ${id} ${bytes.subarray(partsAt).toString('latin1')}`);
    cursor = next;
  }
}
