import { PartKind, partHeaderBytes, schemaIdBytes, TransactionSet, type TableVersion } from '@drc/protocol';
import { systemClock, TransactionLog } from '@drc/store';
import { pino } from 'pino';

/** The source whose history the log pretends to have. */
export const seekSource = { uuid: '3e11fa47-71ca-11e1-9e33-c80aa9429562', file: 'binlog.000001' } as const;
export const rowsPerTransaction = 20;

const orders: TableVersion = {
  schema: 'bench',
  table: 'orders',
  columns: [
    { name: 'id', type: 'bigint', nullable: false, unsigned: true },
    { name: 'amount', type: 'decimal', nullable: false, precision: 12, scale: 2 },
    { name: 'status', type: 'int', nullable: false, length: 1 },
  ],
  primaryKey: [0],
};

/** marker, id, amount, status: 1 + 9 + 8 + 1 bytes */
const rowBytes = 19;
const spanMs = 20 * 3_600_000;
const flushBytes = 4 * 1024 * 1024;

/** What was built. */
export interface SeekLog {
  readonly transactions: number;
  /** Log times of the first and the last transaction, ms since 1970. */
  readonly from: number;
  readonly to: number;
}

/**
 * A log of the topic `bench` with so many rows, 20 to a transaction, spread evenly over the last 20 hours, appended as capture
 * appends: without a source, since the log's own code is all that a seek meets.
 */
export async function buildSeekLog(directory: string, rows: number): Promise<SeekLog> {
  const transactions = Math.ceil(rows / rowsPerTransaction);
  const to = Date.now() - 1000;
  const from = to - spanMs;
  await using log = await TransactionLog.open({
    directory,
    topic: 'bench',
    clock: systemClock,
    logger: pino({ level: 'silent' }),
  });
  const identity = { flavour: 'mysql', uuid: seekSource.uuid, serverId: 1 } as const;
  await log.begin(identity, { file: seekSource.file, offset: 4 }, new TransactionSet(), true);
  const parts = partsOf(log.registerTable(orders));
  for (let number = 1; number <= transactions; number++) {
    const time = from + Math.floor((spanMs * number) / transactions);
    fillRows(parts, number);
    log.beginGroup({ id: `${seekSource.uuid}:${number}`, commitTime: time * 1000, origin: '' });
    log.endGroup(parts, { file: seekSource.file, offset: 4 + number * 1000 });
    if (log.pendingBytes >= flushBytes) await log.flush();
  }
  await log.flush();
  return { transactions, from, to };
}

/** One part with the rows of a transaction; their ids and amounts are filled in for each. */
function partsOf(schemaId: Buffer): Buffer {
  const bytes = Buffer.alloc(headBytes + rowsPerTransaction * rowBytes);
  bytes[0] = PartKind.insert;
  bytes.writeUInt32LE(bytes.length - partHeaderBytes, 2);
  schemaId.copy(bytes, partHeaderBytes);
  bytes.writeUInt32LE(rowsPerTransaction, partHeaderBytes + schemaIdBytes);
  for (let row = 0; row < rowsPerTransaction; row++) {
    const at = headBytes + row * rowBytes;
    bytes[at] = 0x40;
    bytes[at + 1] = 0xcf;
    bytes[at + 10] = 0xa7;
    bytes.write('0000.50', at + 11, 'latin1');
    bytes[at + 18] = row % 5;
  }
  return bytes;
}

const headBytes = partHeaderBytes + schemaIdBytes + 4;

function fillRows(parts: Buffer, transaction: number): void {
  for (let row = 0; row < rowsPerTransaction; row++) {
    const id = (transaction - 1) * rowsPerTransaction + row + 1;
    const at = headBytes + row * rowBytes;
    parts.writeUInt32BE(id, at + 6);
    // An amount that does not compress to nothing: four digits before the point.
    for (let digit = 0, rest = Math.imul(id, 2_654_435_761) >>> 16; digit < 4; digit++) {
      parts[at + 11 + digit] = 0x30 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
  }
}
