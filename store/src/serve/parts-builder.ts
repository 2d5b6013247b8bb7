import { PartFlag, partHeaderBytes, PartKind, type PartKindCode, schemaIdBytes } from '@drc/protocol';

/** Parts behind each other (protocol/chunk.ts), and how many rows they hold. */
export interface BuiltParts {
  readonly parts: Buffer;
  readonly rows: number;
}

/** Columns of the images before and after; undefined where all are present. */
export interface PartBitmaps {
  readonly before: Buffer | undefined;
  readonly after: Buffer | undefined;
}

/** In front of the bitmaps and images: the part's header, schema id and number of rows. */
const headBytes = partHeaderBytes + schemaIdBytes + 4;
const rowsAt = partHeaderBytes + schemaIdBytes;
/** Shorter stretches are copied byte by byte: a call of `copy` takes longer. */
const shortBytes = 24;

/**
 * Puts the rows of one table version together again; rows of one kind that follow each other make one part. Each byte is
 * copied once.
 */
export class PartsBuilder {
  readonly #flags: number;
  readonly #schemaId: Buffer;
  readonly #bitmaps: PartBitmaps;
  readonly #guess: number;
  #out = Buffer.alloc(0);
  #length = 0;
  #kind: PartKindCode | undefined = undefined;
  /** Where the open part begins. */
  #at = 0;
  #rowsOfPart = 0;
  #rows = 0;

  /**
   * @param flags of the part from which the rows come
   * @param bytes what will be written, as a guess; nothing is taken until something is
   */
  constructor(flags: number, schemaId: Buffer, bitmaps: PartBitmaps, bytes: number) {
    this.#flags = flags;
    this.#schemaId = schemaId;
    this.#bitmaps = bitmaps;
    this.#guess = bytes;
  }

  /** A row begins; what is copied and put until the next one are its images. */
  beginRow(kind: PartKindCode): void {
    if (kind !== this.#kind) {
      this.#close();
      this.#open(kind);
    }
    this.#rowsOfPart += 1;
  }

  /** The bytes [from, to) of another buffer. */
  copy(bytes: Buffer, from: number, to: number): void {
    const length = to - from;
    this.#ensure(length);
    if (length > shortBytes) bytes.copy(this.#out, this.#length, from, to);
    else for (let at = 0; at < length; at += 1) this.#out[this.#length + at] = bytes[from + at]!;
    this.#length += length;
  }

  take(): BuiltParts {
    this.#close();
    return { parts: this.#out.subarray(0, this.#length), rows: this.#rows };
  }

  #open(kind: PartKindCode): void {
    const { before, after } = this.#bitmaps;
    const bitmaps = [
      ...(before !== undefined && kind !== PartKind.insert && kind !== PartKind.sequence ? [before] : []),
      ...(after !== undefined && kind !== PartKind.delete ? [after] : []),
    ];
    this.#ensure(headBytes);
    this.#kind = kind;
    this.#at = this.#length;
    this.#length += headBytes;
    this.#out[this.#at] = kind;
    this.#out[this.#at + 1] =
      bitmaps.length > 0 ? this.#flags | PartFlag.partial : this.#flags & ~PartFlag.partial;
    this.#schemaId.copy(this.#out, this.#at + partHeaderBytes);
    for (const bitmap of bitmaps) this.copy(bitmap, 0, bitmap.length);
  }

  #close(): void {
    if (this.#kind === undefined) return;
    this.#out.writeUInt32LE(this.#length - this.#at - partHeaderBytes, this.#at + 2);
    this.#out.writeUInt32LE(this.#rowsOfPart, this.#at + rowsAt);
    this.#rows += this.#rowsOfPart;
    this.#kind = undefined;
    this.#rowsOfPart = 0;
  }

  #ensure(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#out.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#out.length, this.#guess));
    this.#out.copy(grown, 0, 0, this.#length);
    this.#out = grown;
  }
}
