import {
  encodeDdl,
  PartFlag,
  PartKind,
  partHeaderBytes,
  schemaIdBytes,
  type Ddl,
  type PartKindCode,
} from '@drc/protocol';
import { ByteWriter } from './byte-writer.js';
import type { RowsEvent } from './binlog-events.js';
import type { RowTranscoder } from './row-transcoder.js';

/** Where the rows of an event go: one table version as one kind of part. */
export interface RowTarget {
  readonly transcoder: RowTranscoder;
  readonly schemaId: Buffer;
  /** Its rows are the states of a sequence. */
  readonly isSequence: boolean;
}

/** The part that rows are being added to. Its header is written when it is closed. */
interface OpenPart {
  readonly at: number;
  readonly kind: PartKindCode;
  readonly flags: number;
  readonly target: RowTarget;
  readonly before: Buffer | undefined;
  readonly after: Buffer | undefined;
  rows: number;
}

/** What is kept between two chunks. */
const keepBytes = 1024 * 1024;
const rowsHeaderBytes = partHeaderBytes + schemaIdBytes + 4;

/**
 * Builds the parts of a chunk (protocol/chunk.ts). Consecutive events for the same table, operation, flags and columns
 * present make one part.
 */
export class PartWriter {
  readonly #out = new ByteWriter();
  #open: OpenPart | undefined = undefined;

  /** Bytes of the parts so far. */
  get length(): number {
    return this.#out.length;
  }

  /**
   * Adds the rows of one event; returns how many.
   * @throws DrcError what `RowTranscoder.transcode` throws; the writer must then be emptied.
   */
  addRows(event: RowsEvent, target: RowTarget, flags: number): number {
    // A sequence's new state always comes as an insert; what else comes is of a table that looks like one.
    const kind =
      target.isSequence && event.operation === 'insert' ? PartKind.sequence : PartKind[event.operation];
    const open = this.#open;
    const goesOn = open !== undefined && open.target === target && open.kind === kind && open.flags === flags;
    if (!goesOn) this.#begin(kind, flags, target);
    const out = this.#out;
    const imagesAt = out.length;
    const { transcoder } = target;
    const { rows, before, after } = transcoder.transcode(
      event.operation,
      event.body,
      event.columnsAt,
      event.end,
      out,
    );
    const part = this.#open!;
    if (goesOn) {
      if (sameBitmap(part.before, before) && sameBitmap(part.after, after)) part.rows += rows;
      else this.#split(part, imagesAt, rows, before, after);
    } else {
      this.#open = { ...part, before, after, rows };
      this.#insertBitmaps(imagesAt, before, after);
    }
    return rows;
  }

  addDdl(ddl: Ddl): void {
    this.#close();
    const body = encodeDdl(ddl);
    const out = this.#out;
    out.ensure(partHeaderBytes + body.length);
    this.#writeHeader(out.length, PartKind.ddl, 0, body.length);
    out.length += partHeaderBytes;
    out.writeBytes(body);
  }

  /** The parts, valid until the next call; the writer is empty afterwards. */
  take(): Buffer {
    this.#close();
    const out = this.#out;
    // A buffer that one large row made grow goes; any other is used again.
    if (out.buffer.length > keepBytes) return out.take();
    const parts = out.buffer.subarray(0, out.length);
    out.length = 0;
    return parts;
  }

  /** Drops what was added. */
  clear(): void {
    this.#open = undefined;
    this.#out.length = 0;
  }

  #begin(kind: PartKindCode, flags: number, target: RowTarget): void {
    this.#close();
    const at = this.#out.length;
    this.#out.ensure(rowsHeaderBytes);
    this.#out.length += rowsHeaderBytes;
    this.#open = { at, kind, flags, target, before: undefined, after: undefined, rows: 0 };
  }

  /** The images from `imagesAt` on have other columns than those before: they become a part of their own. */
  #split(part: OpenPart, imagesAt: number, rows: number, before?: Buffer, after?: Buffer): void {
    this.#insert(imagesAt, rowsHeaderBytes);
    this.#finish(part, imagesAt);
    this.#open = { ...part, at: imagesAt, before, after, rows };
    this.#insertBitmaps(imagesAt + rowsHeaderBytes, before, after);
  }

  #insertBitmaps(at: number, before: Buffer | undefined, after: Buffer | undefined): void {
    const bytes = (before?.length ?? 0) + (after?.length ?? 0);
    if (bytes === 0) return;
    this.#insert(at, bytes);
    before?.copy(this.#out.buffer, at);
    after?.copy(this.#out.buffer, at + (before?.length ?? 0));
  }

  /** Moves what stands at `at` and behind. */
  #insert(at: number, bytes: number): void {
    const out = this.#out;
    out.ensure(bytes);
    out.buffer.copyWithin(at + bytes, at, out.length);
    out.length += bytes;
  }

  #close(): void {
    if (this.#open === undefined) return;
    // An event without rows leaves nothing behind.
    if (this.#open.rows === 0) this.#out.length = this.#open.at;
    else this.#finish(this.#open, this.#out.length);
    this.#open = undefined;
  }

  #finish(part: OpenPart, end: number): void {
    const isPartial = part.before !== undefined || part.after !== undefined;
    const bodyAt = part.at + partHeaderBytes;
    this.#writeHeader(part.at, part.kind, part.flags | (isPartial ? PartFlag.partial : 0), end - bodyAt);
    part.target.schemaId.copy(this.#out.buffer, bodyAt);
    this.#out.buffer.writeUInt32LE(part.rows, bodyAt + schemaIdBytes);
  }

  #writeHeader(at: number, kind: PartKindCode, flags: number, bodyBytes: number): void {
    const { buffer } = this.#out;
    buffer[at] = kind;
    buffer[at + 1] = flags;
    buffer.writeUInt32LE(bodyBytes, at + 2);
  }
}

const sameBitmap = (one: Buffer | undefined, other: Buffer | undefined): boolean =>
  one === other || (one !== undefined && other !== undefined && one.equals(other));
