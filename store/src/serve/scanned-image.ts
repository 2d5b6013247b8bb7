import { DrcError, imageMarker, readValue, valueBytes, type Column, type Value } from '@drc/protocol';

/**
 * One row image (protocol/chunk.ts), and where its values stand. Made once for a table version and set on one image after
 * the other.
 */
export class ScannedImage {
  readonly #columns: readonly Column[];
  readonly #values: unknown[];
  /** Where the value of each column begins, and behind the last where the image ends; one that is absent takes no room. */
  readonly offsets: Int32Array;
  bytes: Buffer = Buffer.alloc(0);
  at = 0;

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
    this.#values = columns.map(() => undefined);
    this.offsets = new Int32Array(columns.length + 1);
  }

  /**
   * @param at where the image begins
   * @param present bitmap of the columns that it has; undefined: all
   * @returns where it ends
   * @throws DrcError `LOG_CORRUPT` where it does not end before `end`
   */
  scan(bytes: Buffer, at: number, end: number, present: Buffer | undefined): number {
    const { offsets } = this;
    const columns = offsets.length - 1;
    this.bytes = bytes;
    this.at = at;
    if (bytes[at] !== imageMarker) throw malformed();
    let value = at + 1;
    for (let column = 0; column < columns; column += 1) {
      offsets[column] = value;
      if (present === undefined || isPresent(present, column)) value += valueBytes(bytes, value);
    }
    if (!(value <= end)) throw malformed();
    offsets[columns] = value;
    return value;
  }

  has(column: number): boolean {
    return this.offsets[column]! < this.offsets[column + 1]!;
  }

  /** The value's bytes, a slice; none where it is absent. */
  bytesOf(column: number): Buffer {
    return this.bytes.subarray(this.offsets[column], this.offsets[column + 1]);
  }

  /** Of a column that it has. */
  value(column: number): Value {
    return readValue(this.bytes, this.offsets[column]!, this.#columns[column]!);
  }

  /** The values of these columns at their places, as expressions take them: good until the next call. */
  values(columns: readonly number[]): readonly unknown[] {
    for (const column of columns) this.#values[column] = this.has(column) ? this.value(column) : undefined;
    return this.#values;
  }
}

export const isPresent = (bitmap: Buffer, column: number): boolean =>
  ((bitmap[column >> 3]! >> (column & 7)) & 1) === 1;

const malformed = (): DrcError => new DrcError('LOG_CORRUPT', 'A row image of the log cannot be read.');
