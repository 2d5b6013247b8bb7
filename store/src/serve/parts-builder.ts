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

/** Puts the rows of one table version together again; rows of one kind that follow each other make one part. */
export class PartsBuilder {
  readonly #flags: number;
  readonly #schemaId: Buffer;
  readonly #bitmaps: PartBitmaps;
  readonly #out: Buffer[] = [];
  #kind: PartKindCode | undefined = undefined;
  #pieces: Buffer[] = [];
  #rowsOfPart = 0;
  #rows = 0;

  /** @param flags of the part from which the rows come */
  constructor(flags: number, schemaId: Buffer, bitmaps: PartBitmaps) {
    this.#flags = flags;
    this.#schemaId = schemaId;
    this.#bitmaps = bitmaps;
  }

  /** @param pieces the images of one row, in order */
  add(kind: PartKindCode, pieces: readonly Buffer[]): void {
    if (kind !== this.#kind) this.#close();
    this.#kind = kind;
    this.#pieces.push(...pieces);
    this.#rowsOfPart += 1;
  }

  take(): BuiltParts {
    this.#close();
    return { parts: Buffer.concat(this.#out), rows: this.#rows };
  }

  #close(): void {
    if (this.#kind === undefined) return;
    const kind = this.#kind;
    const { before, after } = this.#bitmaps;
    const bitmaps = [
      ...(before !== undefined && kind !== PartKind.insert && kind !== PartKind.sequence ? [before] : []),
      ...(after !== undefined && kind !== PartKind.delete ? [after] : []),
    ];
    const head = Buffer.allocUnsafe(partHeaderBytes + schemaIdBytes + 4);
    const body = [...bitmaps, ...this.#pieces];
    const isPartial = bitmaps.length > 0;
    head[0] = kind;
    head[1] = isPartial ? this.#flags | PartFlag.partial : this.#flags & ~PartFlag.partial;
    head.writeUInt32LE(
      body.reduce((sum, { length }) => sum + length, head.length - partHeaderBytes),
      2,
    );
    this.#schemaId.copy(head, partHeaderBytes);
    head.writeUInt32LE(this.#rowsOfPart, partHeaderBytes + schemaIdBytes);
    this.#out.push(head, ...body);
    this.#rows += this.#rowsOfPart;
    this.#kind = undefined;
    this.#pieces = [];
    this.#rowsOfPart = 0;
  }
}
