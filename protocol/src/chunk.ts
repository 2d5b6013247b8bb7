import { DrcError } from './errors.js';
import { readU16, readU32, readU64 } from './little-endian.js';
import { schemaIdBytes } from './table-version.js';

/*
 * A transaction is stored and sent as one or more chunks of about 256 KiB. All integers are little-endian.
 *
 *   chunk  = version u8 (1) | flags u8 (1 = last chunk of its transaction)
 *          | lsn u64 | chunk u32 | logTime u64 (ms since 1970) | commitTime u64 (µs since 1970)
 *          | id u16+bytes (transaction id, ASCII) | origin u16+bytes (UTF-8; empty: none) | part*
 *   part   = kind u8 | flags u8 | length u32 (of the body) | body
 *   rows   = schema id 16 B | row count u32 | [before bitmap, after bitmap] | image*      (kinds 1, 2, 3, 5, 7)
 *   ddl    = msgpack map, see `Ddl` in model.ts                                           (kind 4)
 *   gap    = msgpack map, see `Gap` in model.ts                                           (kind 6)
 *   bitmap = ceil(columns / 8) bytes, bit i of byte i>>3 set where column i is present; both stand there only
 *            where flag `partial` is set, `before` only for update and delete, `after` only for insert and update
 *   image  = 0x40 and then the msgpack values of the columns present, in column order; an update has two
 *            images a row, before and after
 *
 * The 0x40 lets msgpackr read an image as a record of one known structure; for any other reader it is the
 * integer 64. For the same reason integers from 64 to 127 are always written as uint8 (0xcc), never as fixint.
 * BIGINT is always written in nine bytes (0xcf unsigned, 0xd3 signed), so that its type never depends on its value.
 *
 * A gap stands in logs only: a store never sends one. It is the only part of its transaction. Rows of a snapshot (7, with one image each)
 * stand in no log, and in no chunk: they come in records of their own (record.ts).
 */
export const chunkVersion = 1;
export const lastChunkFlag = 1;
const fixedHeaderBytes = 30;

export const PartKind = {
  insert: 1,
  update: 2,
  delete: 3,
  ddl: 4,
  sequence: 5,
  gap: 6,
  snapshot: 7,
} as const;
export type PartKindCode = (typeof PartKind)[keyof typeof PartKind];

/** Flags of a part: the row event's own, whether columns are missing from its images, and whether what foreign keys cascaded is there as rows. */
export const PartFlag = { foreignKeyChecksOff: 1, uniqueChecksOff: 2, partial: 4, hasCascades: 8 } as const;

/** The byte that opens each row image. */
export const imageMarker = 0x40;
export const partHeaderBytes = 6;

export interface ChunkHeader {
  /** Log sequence number of the transaction in its store's log: 1, 2, 3 … without holes. */
  readonly lsn: number;
  /** 0, 1, 2 … within the transaction. */
  readonly chunk: number;
  readonly last: boolean;
  /** When the change entered history, ms since 1970; never decreases along the log. */
  readonly logTime: number;
  /** When the source committed, µs since 1970, as the source says (MariaDB: whole seconds). */
  readonly commitTime: number;
  /** Transaction id: `domain-server-sequence`, `uuid[:tag]:number`, or `server/file:offset`. */
  readonly id: string;
  /** Who wrote it, where a mark says so; empty otherwise. */
  readonly origin: string;
}

/** @param room bytes in front of the chunk, which the caller fills */
export function encodeChunk(header: ChunkHeader, parts: Buffer, room = 0): Buffer {
  const { id, origin } = header;
  const originBytes = origin === '' ? 0 : Buffer.byteLength(origin);
  const idAt = room + fixedHeaderBytes + 2;
  const originAt = idAt + id.length + 2;
  const bytes = Buffer.allocUnsafe(originAt + originBytes + parts.length);
  bytes[room] = chunkVersion;
  bytes[room + 1] = header.last ? lastChunkFlag : 0;
  writeU64(bytes, header.lsn, room + 2);
  bytes.writeUInt32LE(header.chunk, room + 10);
  writeU64(bytes, header.logTime, room + 14);
  writeU64(bytes, header.commitTime, room + 22);
  bytes.writeUInt16LE(id.length, idAt - 2);
  for (let index = 0; index < id.length; index++) bytes[idAt + index] = id.charCodeAt(index);
  bytes.writeUInt16LE(originBytes, originAt - 2);
  if (originBytes > 0) bytes.write(origin, originAt, 'utf8');
  bytes.set(parts, originAt + originBytes);
  return bytes;
}

function writeU64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value >>> 0, at);
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

/** The header, and the offset at which the parts begin. */
export interface ParsedChunk extends ChunkHeader {
  readonly partsAt: number;
}

/** Of the chunk in [at, end). @throws DrcError `PROTOCOL_VIOLATION` where the bytes are not a chunk. */
export function parseChunkHeader(bytes: Buffer, at = 0, end = bytes.length): ParsedChunk {
  const idAt = at + fixedHeaderBytes + 2;
  if (idAt + 2 > end || bytes[at] !== chunkVersion || bytes[at + 1]! > 1) throw malformed('header');
  const originAt = idAt + readU16(bytes, idAt - 2);
  if (originAt + 2 > end) throw malformed('transaction id');
  const originLength = readU16(bytes, originAt);
  const partsAt = originAt + 2 + originLength;
  if (partsAt > end) throw malformed('origin');
  return {
    lsn: safeU64(bytes, at + 2),
    chunk: readU32(bytes, at + 10),
    last: bytes[at + 1] === lastChunkFlag,
    logTime: safeU64(bytes, at + 14),
    commitTime: safeU64(bytes, at + 22),
    id: bytes.toString('latin1', idAt, originAt),
    origin: originLength === 0 ? '' : bytes.toString('utf8', originAt + 2, partsAt),
    partsAt,
  };
}

const safeU64 = (bytes: Buffer, at: number): number => {
  const value = readU64(bytes, at);
  if (!Number.isSafeInteger(value)) throw malformed('integer');
  return value;
};

/** Where one part lies within its chunk. `bodyAt` is behind the part's own header; `end` is where the next begins. */
export interface PartSlice {
  readonly kind: PartKindCode;
  readonly flags: number;
  readonly at: number;
  readonly bodyAt: number;
  readonly end: number;
}

/** The parts of a chunk, without decoding them. @throws DrcError `PROTOCOL_VIOLATION` where one overruns the chunk. */
export function* partsOf(bytes: Buffer, partsAt: number, end = bytes.length): Generator<PartSlice> {
  for (let at = partsAt; at < end; ) {
    const part = partAt(bytes, at, end);
    yield part;
    at = part.end;
  }
}

/** The part at `at` of a chunk that ends at `chunkEnd`. @throws as `partsOf`. */
export function partAt(bytes: Buffer, at: number, chunkEnd: number): PartSlice {
  const bodyAt = at + partHeaderBytes;
  if (bodyAt > chunkEnd) throw malformed('part header');
  const kind = bytes[at]!;
  if (kind < PartKind.insert || kind > PartKind.snapshot) throw malformed(`part kind ${kind}`);
  const end = bodyAt + readU32(bytes, at + 2);
  // A gap is longer than that in any case; a reader that takes it for rows stays within it.
  if (end > chunkEnd || (kind !== PartKind.ddl && end < bodyAt + schemaIdBytes + 4))
    throw malformed('part length');
  return { kind: kind as PartKindCode, flags: bytes[at + 1]!, at, bodyAt, end };
}

/** The head of a rows part; behind it stand the images, up to the end of the part. */
export interface RowsHeader {
  readonly rows: number;
  /** Columns of the images before and after; absent where all are present, or where there is no such image. */
  readonly before?: Buffer;
  readonly after?: Buffer;
  readonly imagesAt: number;
}

/** Whether parts of this kind hold rows, and so begin with a schema id: every kind but `ddl` and `gap`. */
export const hasSchemaId = (kind: number): boolean => kind !== PartKind.ddl && kind !== PartKind.gap;

/** The schema id of a rows part: a slice. */
export const schemaIdOfPart = (bytes: Buffer, part: PartSlice): Buffer =>
  bytes.subarray(part.bodyAt, part.bodyAt + schemaIdBytes);

/**
 * @param columns how many the part's table version has.
 * @throws DrcError `PROTOCOL_VIOLATION` where the part is too short for what it claims.
 */
export function parseRowsHeader(bytes: Buffer, part: PartSlice, columns: number): RowsHeader {
  if (!hasSchemaId(part.kind)) throw malformed('a part that has no rows');
  const rows = bytes.readUInt32LE(part.bodyAt + schemaIdBytes);
  let imagesAt = part.bodyAt + schemaIdBytes + 4;
  const bitmap = (): Buffer => {
    const from = imagesAt;
    imagesAt += Math.ceil(columns / 8);
    return bytes.subarray(from, Math.min(imagesAt, part.end));
  };
  const isPartial = (part.flags & PartFlag.partial) !== 0;
  const before = isPartial && hasBefore(part.kind) ? bitmap() : undefined;
  const after = isPartial && hasAfter(part.kind) ? bitmap() : undefined;
  // Each image has at least its marker: so a row count never makes anybody allocate what did not arrive.
  const images = rows * (part.kind === PartKind.update ? 2 : 1);
  if (imagesAt + images > part.end) throw malformed('row count');
  return {
    rows,
    imagesAt,
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
  };
}

const hasBefore = (kind: PartKindCode): boolean => kind === PartKind.update || kind === PartKind.delete;
const hasAfter = (kind: PartKindCode): boolean =>
  kind === PartKind.insert || kind === PartKind.update || kind === PartKind.snapshot;

const malformed = (what: string): DrcError => new DrcError('PROTOCOL_VIOLATION', `Malformed chunk: ${what}.`);
