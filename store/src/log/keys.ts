/*
 * The keys of the log, sorted by use: LevelDB orders them by their bytes, so integers are big-endian.
 *
 *   meta      = 0x01 name                       name: ASCII
 *   chunk     = 0x10 lsn u64 chunk u32
 *   time      = 0x20 logTime u64 lsn u64
 *   point     = 0x30 lsn u64
 *   table     = 0x40 schemaId 16 B
 *   lease     = 0x41 schemaId 16 B
 *   prepared  = 0x50 xid u16+bytes chunk u32    xid: its one text, ASCII (source/xa-xid.ts); see prepared-groups.ts
 *
 * LSNs and times are safe integers (below 2^53).
 */
const Prefix = {
  meta: 0x01,
  chunk: 0x10,
  time: 0x20,
  point: 0x30,
  table: 0x40,
  lease: 0x41,
  prepared: 0x50,
} as const;

export const chunkKeyBytes = 13;

/** All keys from `gte` up to, but not including, `lt`. */
export interface KeyRange {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

const all = (prefix: number): KeyRange => ({ gte: Buffer.of(prefix), lt: Buffer.of(prefix + 1) });

export const allKeys = {
  meta: all(Prefix.meta),
  chunks: all(Prefix.chunk),
  times: all(Prefix.time),
  points: all(Prefix.point),
  tables: all(Prefix.table),
  leases: all(Prefix.lease),
  prepared: all(Prefix.prepared),
} as const;

export const metaKey = (name: string): Buffer => Buffer.concat([Buffer.of(Prefix.meta), Buffer.from(name)]);

export function chunkKey(lsn: number, chunk: number): Buffer {
  const key = Buffer.allocUnsafe(chunkKeyBytes);
  key[0] = Prefix.chunk;
  writeU64(key, lsn, 1);
  key.writeUInt32BE(chunk, 9);
  return key;
}

export const readChunkKey = (key: Buffer): { lsn: number; chunk: number } => ({
  lsn: readU64(key, 1),
  chunk: key.readUInt32BE(9),
});

export function timeKey(time: number, lsn: number): Buffer {
  const key = Buffer.allocUnsafe(17);
  key[0] = Prefix.time;
  writeU64(key, time, 1);
  writeU64(key, lsn, 9);
  return key;
}

export const readTimeKey = (key: Buffer): { time: number; lsn: number } => ({
  time: readU64(key, 1),
  lsn: readU64(key, 9),
});

export function pointKey(lsn: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = Prefix.point;
  writeU64(key, lsn, 1);
  return key;
}

export const readPointKey = (key: Buffer): number => readU64(key, 1);

export const tableKey = (schemaId: Buffer): Buffer => Buffer.concat([Buffer.of(Prefix.table), schemaId]);
export const leaseKey = (schemaId: Buffer): Buffer => Buffer.concat([Buffer.of(Prefix.lease), schemaId]);
export const schemaIdOfKey = (key: Buffer): Buffer => key.subarray(1);

/** Keys of none of these kinds: a log has none. */
export const strangeKeys: readonly KeyRange[] = [0, ...Object.values(Prefix)].map(
  (prefix, index, prefixes) => ({
    gte: Buffer.of(index === 0 ? 0 : prefix + 1),
    lt: Buffer.of(prefixes[index + 1] ?? 0xff),
  }),
);

/** A chunk of a prepared XA transaction. */
export function preparedKey(xid: string, chunk: number): Buffer {
  const key = Buffer.allocUnsafe(3 + xid.length + 4);
  key[0] = Prefix.prepared;
  key.writeUInt16BE(xid.length, 1);
  key.write(xid, 3, 'latin1');
  key.writeUInt32BE(chunk, 3 + xid.length);
  return key;
}

/** All chunks of one. */
export const preparedRange = (xid: string): KeyRange => ({
  gte: preparedKey(xid, 0),
  lt: Buffer.concat([preparedKey(xid, 0xffff_ffff), Buffer.of(0)]),
});

export const readPreparedKey = (key: Buffer): { xid: string; chunk: number } => ({
  xid: key.toString('latin1', 3, key.length - 4),
  chunk: key.readUInt32BE(key.length - 4),
});

const high = 0x1_0000_0000;

function writeU64(target: Buffer, value: number, at: number): void {
  target.writeUInt32BE(Math.floor(value / high), at);
  target.writeUInt32BE(value % high, at + 4);
}

const readU64 = (source: Buffer, at: number): number =>
  source.readUInt32BE(at) * high + source.readUInt32BE(at + 4);
