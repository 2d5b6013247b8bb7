import { DrcError } from './errors.js';
import { compiledProgram, type ImageProgram, interpretedProgram, type Row } from './image-program.js';
import type { Column, TableVersion } from './table-version.js';

/**
 * Reads row images (grammar: chunk.ts) of one table version with one set of columns present. Make one and keep it:
 * it is compiled once.
 *
 * Each image must have its marker and one value for each column present, of the class that the column's type has,
 * and end within the range: nothing else that msgpack knows (records, extensions, nested values) is read at all.
 *
 * A Buffer is a slice of the bytes given where it makes up half or more of the memory behind them, so that a large
 * blob is not copied; otherwise a copy, so that keeping a short value does not keep a chunk alive. A Float32Array
 * is always a copy.
 */
export class ImageDecoder {
  /** The columns present: the keys of each row. */
  readonly columns: readonly Column[];
  readonly #program: ImageProgram;

  /**
   * @param present bitmap over the version's columns (chunk.ts); default: all are present.
   * @throws DrcError `PROTOCOL_VIOLATION` where the bitmap does not fit the columns.
   */
  constructor(version: TableVersion, present?: Buffer) {
    const all = version.columns;
    if (present !== undefined && present.length !== Math.ceil(all.length / 8))
      throw violation(`a bitmap of ${present.length} bytes for ${all.length} columns`);
    this.columns =
      present === undefined ? all : all.filter((_, i) => ((present[i >> 3]! >> (i & 7)) & 1) === 1);
    this.#program =
      this.columns.length > mostCompiledColumns
        ? interpretedProgram(this.columns)
        : compiledProgram(this.columns);
  }

  /**
   * The rows of all images in [at, end), in order; of an update: before, after, before, after …
   * @throws DrcError `PROTOCOL_VIOLATION`.
   */
  decodeMany(bytes: Buffer, at: number, end: number): Row[] {
    const rows: Row[] = [];
    this.#run(bytes, at, end, Infinity, rows);
    return rows;
  }

  /**
   * The row of the image at `at`, and where the next one begins; for the rare part whose images differ in their
   * columns before and after.
   * @throws DrcError `PROTOCOL_VIOLATION`.
   */
  decodeOne(bytes: Buffer, at: number, end: number = bytes.length): { row: Row; next: number } {
    const rows: Row[] = [];
    const next = this.#run(bytes, at, end, 1, rows);
    const row = rows[0];
    if (row === undefined) throw violation(`no row image at byte ${at}`);
    return { row, next };
  }

  #run(bytes: Buffer, at: number, end: number, most: number, rows: Row[]): number {
    if (end > bytes.length) throw violation('the part goes beyond its chunk');
    try {
      return this.#program(bytes, at, end, most, rows);
    } catch (cause) {
      if (cause instanceof DrcError) throw cause;
      throw violation('a row image ends early, or has a text that is too long', { cause });
    }
  }
}

/** Code for more columns takes longer to make than it saves. */
const mostCompiledColumns = 256;

const violation = (what: string, options?: ErrorOptions): DrcError =>
  new DrcError('PROTOCOL_VIOLATION', `Malformed rows: ${what}.`, {}, options);
