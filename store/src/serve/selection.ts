import type { PartSlice } from '@drc/protocol';
import type { SeenTable } from './seen-table.js';
import type { Piece } from './frame-writer.js';

/**
 * What one reader gets of one chunk: its header, and the parts that are left, as they stand there. Parts that stand
 * side by side make one piece, so that a chunk of which everything is left is copied at once.
 */
export class Selection {
  readonly #chunk: Buffer;
  readonly #pieces: Piece[] = [];
  readonly #headerBytes: number;
  /** The piece of the chunk that may still grow: `#end` is where it ends so far. */
  #at = 0;
  #end: number;
  #bytes: number;
  #rows = 0;
  readonly #tables: SeenTable[] = [];

  constructor(chunk: Buffer, partsAt: number) {
    this.#chunk = chunk;
    this.#headerBytes = partsAt;
    this.#end = partsAt;
    this.#bytes = partsAt;
  }

  /** @param table whose rows they are */
  keep(part: PartSlice, rows: number, table?: SeenTable): void {
    if (part.at !== this.#end) {
      this.#closePiece();
      this.#at = part.at;
    }
    this.#end = part.end;
    this.#bytes += part.end - part.at;
    this.#count(rows, table);
  }

  /** Parts with other bytes than in the chunk, in place of the chunk's own. */
  insert(part: Buffer, rows = 0, table?: SeenTable): void {
    this.#closePiece();
    this.#at = this.#end;
    this.#pieces.push({ bytes: part, at: 0, end: part.length });
    this.#bytes += part.length;
    this.#count(rows, table);
  }

  /** True where no part is left. */
  get isEmpty(): boolean {
    return this.#bytes === this.#headerBytes;
  }

  /** Of all pieces together. */
  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Of the parts that are left. One may stand there more than once. */
  get tables(): readonly SeenTable[] {
    return this.#tables;
  }

  /** To be asked for once, when all is in. */
  get pieces(): readonly Piece[] {
    this.#closePiece();
    return this.#pieces;
  }

  #count(rows: number, table: SeenTable | undefined): void {
    this.#rows += rows;
    if (table !== undefined && table !== this.#tables.at(-1)) this.#tables.push(table);
  }

  #closePiece(): void {
    if (this.#end > this.#at) this.#pieces.push({ bytes: this.#chunk, at: this.#at, end: this.#end });
    this.#at = this.#end;
  }
}
