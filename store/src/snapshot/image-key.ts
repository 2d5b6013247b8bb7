import { imageMarker, valueBytes } from '@drc/protocol';
import { malformedEvent } from '../source/event-bytes.js';

/**
 * What identifies a row in its images, wherever they come from: the messages of its key columns as Latin-1 text, one behind the
 * other. Each message tells its own length, so different values never read the same.
 */
export class ImageKey {
  /** In ascending order, and where each stands in the key. */
  readonly #places: readonly { readonly column: number; readonly part: number }[];
  readonly #parts: string[];

  /** @param keyColumns indexes into the columns of the image, in the key's order */
  constructor(keyColumns: readonly number[]) {
    this.#places = keyColumns
      .map((column, part) => ({ column, part }))
      .toSorted((one, other) => one.column - other.column);
    this.#parts = keyColumns.map(() => '');
  }

  /**
   * Of the image at `at`, which has all columns.
   * @throws DrcError `EVENT_MALFORMED` where it ends before its key
   */
  of(bytes: Buffer, at: number, end: number = bytes.length): string {
    if (bytes[at] !== imageMarker) throw malformedEvent('row image');
    let value = at + 1;
    let column = 0;
    for (const place of this.#places) {
      while (column < place.column) {
        value += valueBytes(bytes, value);
        column++;
      }
      const next = value + valueBytes(bytes, value);
      if (!(next <= end)) throw malformedEvent('row image');
      this.#parts[place.part] = bytes.toString('latin1', value, next);
      value = next;
      column++;
    }
    return this.#parts.join('');
  }
}
