import { PartKind, partHeaderBytes, schemaIdBytes, TransactionSet, type TableVersion } from '@drc/protocol';
import { systemClock, TransactionLog } from '@drc/store';
import { pino } from 'pino';
import { seekSource } from './seek-log.js';

export const filterTables = 10;
/** Its one row ends the log. */
export const endTable = 'bench.ended';
const rowsPerTransaction = 500;

const version = (table: string): TableVersion => ({
  schema: 'bench',
  table,
  columns: [
    { name: 'id', type: 'bigint', nullable: false, unsigned: true },
    { name: 'buyer_id', type: 'bigint', nullable: false, unsigned: true },
    { name: 'share', type: 'int', nullable: false, length: 1 },
    { name: 'note', type: 'text', nullable: false, length: 100, collation: 45 },
  ],
  primaryKey: [0],
});

const note = 'what a row of the bench has to say';
/** marker, id, buyer, share, note with its head */
const rowBytes = 1 + 9 + 9 + 2 + 2 + note.length;
const headBytes = partHeaderBytes + schemaIdBytes + 4;

/**
 * A log of the topic `bench` with so many rows, 500 to a transaction of one table, the ten tables `bench.t0` … `bench.t9` in turn;
 * `share` is 0 … 99, evenly. The last transaction has one row of `endTable`.
 */
export async function buildFilterLog(directory: string, rows: number): Promise<void> {
  await using log = await TransactionLog.open({
    directory,
    topic: 'bench',
    clock: systemClock,
    logger: pino({ level: 'silent' }),
  });
  const identity = { flavour: 'mysql', uuid: seekSource.uuid, serverId: 1 } as const;
  await log.begin(identity, { file: seekSource.file, offset: 4 }, new TransactionSet(), true);
  const now = Date.now() * 1000;
  let number = 0;
  const put = async (parts: Buffer): Promise<void> => {
    number += 1;
    log.beginGroup({ id: `${seekSource.uuid}:${number}`, commitTime: now, origin: '' });
    log.endGroup(parts, { file: seekSource.file, offset: 4 + number * 1000 });
    if (log.pendingBytes >= 4 * 1024 * 1024) await log.flush();
  };
  const tables = Array.from({ length: filterTables }, (_, index) =>
    emptyPart(log.registerTable(version(`t${index}`)), rowsPerTransaction),
  );
  for (let row = 0; row < rows; row += rowsPerTransaction) {
    const part = tables[number % filterTables]!;
    fillIds(part, row);
    await put(part);
  }
  await put(emptyPart(log.registerTable(version('ended')), 1));
  await log.flush();
}

function emptyPart(schemaId: Buffer, rows: number): Buffer {
  const bytes = Buffer.alloc(headBytes + rows * rowBytes);
  bytes[0] = PartKind.insert;
  bytes.writeUInt32LE(bytes.length - partHeaderBytes, 2);
  schemaId.copy(bytes, partHeaderBytes);
  bytes.writeUInt32LE(rows, partHeaderBytes + schemaIdBytes);
  for (let row = 0; row < rows; row += 1) {
    const at = headBytes + row * rowBytes;
    bytes[at] = 0x40;
    bytes[at + 1] = 0xcf;
    bytes[at + 10] = 0xcf;
    // An unsigned byte, whatever its value.
    bytes[at + 19] = 0xcc;
    bytes[at + 20] = row % 100;
    bytes[at + 21] = 0xd9;
    bytes[at + 22] = note.length;
    bytes.write(note, at + 23, 'latin1');
  }
  return bytes;
}

function fillIds(part: Buffer, first: number): void {
  for (let row = 0; row < rowsPerTransaction; row += 1) {
    const at = headBytes + row * rowBytes;
    part.writeUInt32BE(first + row + 1, at + 6);
    part.writeUInt32BE(Math.imul(first + row, 2_654_435_761) >>> 0, at + 15);
  }
}
