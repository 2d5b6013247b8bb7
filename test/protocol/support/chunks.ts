import { encodeChunk as encodeWhole, type ChunkHeader, type PartKindCode } from '@drc/protocol';

export const header: ChunkHeader = {
  lsn: 2 ** 53 - 1,
  chunk: 4_294_967_295,
  last: true,
  logTime: 1_795_334_400_123,
  commitTime: 1_795_334_400_123_456,
  id: '0-1-18446744073709551615',
  origin: 'größe',
};

export function encodePart(kind: PartKindCode, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(6);
  head[0] = kind;
  head[1] = flags;
  head.writeUInt32LE(body.length, 2);
  return Buffer.concat([head, body]);
}

export function encodeRowsPart(
  kind: PartKindCode,
  flags: number,
  schemaId: Buffer,
  rows: number,
  ...rest: readonly Buffer[]
): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(rows);
  return encodePart(kind, flags, Buffer.concat([schemaId, count, ...rest]));
}

export const encodeChunk = (fields: Partial<ChunkHeader>, ...parts: readonly Buffer[]): Buffer =>
  encodeWhole({ ...header, ...fields }, Buffer.concat(parts));
