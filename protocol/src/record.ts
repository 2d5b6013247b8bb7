import { DrcError } from './errors.js';
import { readU32 } from './little-endian.js';

/*
 * The payloads of the data frames, joined, are a stream of records; a record may span frames, a frame may hold many.
 *
 *   record   = length u32 (of kind and body) | kind u8 | body
 *   chunk    : a chunk as in chunk.ts; of a filtered transaction only the parts that are left
 *   schema   : schema id 16 B | canonical JSON of the table version; comes before its first row on this connection
 *   progress : msgpack map `Progress` (messages.ts)
 *   snapshot : head length u16 | msgpack map `SnapshotHead` (messages.ts) | parts of kind 7 (chunk.ts); between two transactions only
 */
export const RecordKind = { chunk: 1, schema: 2, progress: 3, snapshot: 4 } as const;
export type RecordKindCode = (typeof RecordKind)[keyof typeof RecordKind];

export const recordHeaderBytes = 5;

/** The bytes that open a record whose body has this length. */
export function recordHeader(kind: RecordKindCode, bodyBytes: number): Buffer {
  const header = Buffer.allocUnsafe(recordHeaderBytes);
  header.writeUInt32LE(bodyBytes + 1, 0);
  header[4] = kind;
  return header;
}

/** A record whose body is [at, end) of `bytes`: of its frame's payload, or of memory of its own where it spanned frames. */
export class StreamRecord {
  readonly kind: RecordKindCode;
  readonly bytes: Buffer;
  readonly at: number;
  readonly end: number;

  constructor(kind: RecordKindCode, bytes: Buffer, at: number, end: number) {
    this.kind = kind;
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** A slice, not a copy. Making one takes longer than reading a short record's head. */
  get body(): Buffer {
    return this.bytes.subarray(this.at, this.end);
  }
}

/** A record that is not there in full gets memory in steps: this, then twice what has arrived; most get by with one. */
const firstStepBytes = 320 * 1024;

/**
 * Puts the record stream together again. Holds at most one unfinished record, whose size is limited; the memory for
 * it grows as its bytes arrive, whatever length it claims.
 */
export class RecordReader {
  readonly #maxRecordBytes: number;
  /** The unfinished record: first the four bytes of its length, then as much room as it has been given. */
  #partial: Buffer = Buffer.alloc(0);
  #filled = 0;
  #wanted = 0;

  /** @param maxRecordBytes default 1 GiB: MySQL's largest row, once before and once after, would be 2 GiB. */
  constructor(maxRecordBytes = 1024 * 1024 * 1024) {
    this.#maxRecordBytes = maxRecordBytes;
  }

  /** Bytes held of a record that has not arrived in full. */
  get pendingBytes(): number {
    return this.#filled;
  }

  /** The records that end within this payload. @throws DrcError `PROTOCOL_VIOLATION`: none of them counts then. */
  push(payload: Buffer): StreamRecord[] {
    const records: StreamRecord[] = [];
    let at = 0;
    while (at < payload.length) {
      if (this.#filled === 0 && payload.length - at >= recordHeaderBytes) {
        const end = at + 4 + this.#checkedLength(readU32(payload, at));
        if (end <= payload.length) {
          records.push(opened(payload, at, end));
          at = end;
          continue;
        }
      }
      at += this.#fill(payload, at);
      if (this.#wanted > 0 && this.#filled === this.#wanted) {
        const record = this.#partial;
        this.#partial = Buffer.alloc(0);
        this.#filled = 0;
        this.#wanted = 0;
        records.push(opened(record, 0, record.length));
      }
    }
    return records;
  }

  /** Copies what belongs to the unfinished record; returns how much that was. */
  #fill(payload: Buffer, at: number): number {
    const upTo = this.#wanted === 0 ? 4 : this.#wanted;
    if (this.#filled === this.#partial.length) {
      const grown = Buffer.allocUnsafe(Math.min(upTo, Math.max(firstStepBytes, 2 * this.#filled)));
      this.#partial.copy(grown, 0, 0, this.#filled);
      this.#partial = grown;
    }
    const room = this.#partial.length - this.#filled;
    const taken = payload.copy(this.#partial, this.#filled, at, Math.min(at + room, payload.length));
    this.#filled += taken;
    if (this.#wanted === 0 && this.#filled === 4) {
      this.#wanted = 4 + this.#checkedLength(readU32(this.#partial, 0));
    }
    return taken;
  }

  #checkedLength(length: number): number {
    if (length < 1 || length > this.#maxRecordBytes) {
      throw new DrcError('PROTOCOL_VIOLATION', `A record of ${length} bytes is outside the limits.`, {
        maxRecordBytes: this.#maxRecordBytes,
      });
    }
    return length;
  }
}

/** The record in [at, end). */
function opened(bytes: Buffer, at: number, end: number): StreamRecord {
  const kind = bytes[at + 4];
  if (kind === undefined || kind < RecordKind.chunk || kind > RecordKind.snapshot) {
    throw new DrcError('PROTOCOL_VIOLATION', `Unknown record kind ${kind}.`);
  }
  return new StreamRecord(kind as RecordKindCode, bytes, at + recordHeaderBytes, end);
}
