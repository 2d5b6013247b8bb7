import { skippedColumn, type ColumnPlan, type LearnedColumn } from './column-plan.js';
import { ByteWriter } from './byte-writer.js';
import type { RowsEvent } from './binlog-events.js';
import { EventBytes, malformedEvent } from './event-bytes.js';
import { RowImage } from './row-image.js';
import { collationsOf, isRowMoment, type Flavour, type TableMap } from './table-schema.js';

/*
 * A system-versioned table of MariaDB holds its history beside its current rows, and the binlog has the rows of both.
 * A current row is one whose row_end is the largest TIMESTAMP. What the statements are logged as (MariaDB 10.11):
 *
 *   INSERT           insert of a current row
 *   UPDATE           update of the current row, and an insert of the old one with its row_end
 *   DELETE           update of the current row that sets its row_end
 *   DELETE HISTORY   delete of history rows
 *
 * Tables that are versioned by transaction id are logged as statements.
 */

/** How the current rows of a table are told from its history. */
export interface Versioning {
  /** Index of the column that ends a row's life. */
  readonly rowEnd: number;
  /** Columns that the server made by itself, and shows to nobody who does not name them. */
  readonly hidden: ReadonlySet<string>;
}

/**
 * Undefined where the table is not system-versioned. Columns that the server made by itself are not in
 * INFORMATION_SCHEMA, and are the last.
 */
export function versioningOf(
  map: TableMap,
  learned: ReadonlyMap<string, LearnedColumn> | undefined,
): Versioning | undefined {
  const declared = map.columns.findIndex(({ name }) => learned?.get(name)?.isRowEnd === true);
  if (declared >= 0) return { rowEnd: declared, hidden: new Set() };
  // Of a table that is gone nobody can tell: to take its rows for history would lose them.
  if (learned === undefined) return undefined;
  const [start, end] = map.columns.slice(-2);
  if (start?.name !== 'row_start' || end?.name !== 'row_end') return undefined;
  if (![start, end].every(isRowMoment) || learned.has('row_end')) return undefined;
  return { rowEnd: map.columns.length - 1, hidden: new Set(['row_start', 'row_end']) };
}

/** What is left of a rows event without history. */
export interface CurrentRows {
  readonly events: readonly RowsEvent[];
  /** How many rows were history. */
  readonly history: number;
}

type Operation = RowsEvent['operation'];

/** Rows of one event that do the same, one behind the other. */
interface Run {
  readonly effect: Operation;
  readonly images: Buffer[];
}

/** The latest second of a TIMESTAMP: before MariaDB 11.5, and since. */
const lastSeconds: ReadonlySet<number> = new Set([0x7fff_ffff, 0xffff_ffff]);
const lastMicros = 999_999;

/** Takes history out of the row events of one system-versioned table. */
export class VersionedRows {
  readonly #plans: readonly ColumnPlan[];
  readonly #out = new ByteWriter();
  /** By the bitmap's bytes. */
  readonly #images = new Map<string, RowImage>();
  /** Of the image that was walked over last; absent where it does not have the column. */
  #isCurrent: boolean | undefined = undefined;

  constructor(
    map: TableMap,
    { rowEnd }: Versioning,
    flavour: Flavour,
    learned: ReadonlyMap<string, LearnedColumn> | undefined,
  ) {
    const { schema, table } = map;
    const collations = collationsOf(map, flavour);
    this.#plans = map.columns.map((column, index) => {
      const known = learned?.get(column.name);
      const losses = { count: 0 };
      const plan = skippedColumn(column, {
        schema,
        table,
        flavour,
        losses,
        collation: collations[index],
        learned: known,
      });
      return index === rowEnd ? { ...plan, direct: this.#look } : plan;
    });
  }

  /** @throws DrcError `EVENT_MALFORMED` */
  current(event: RowsEvent): CurrentRows {
    const { body, columnsAt, end, operation } = event;
    const reader = new EventBytes(body, columnsAt, end, 'row event');
    const columns = reader.packed();
    if (columns !== this.#plans.length) throw malformedEvent('row event of another number of columns');
    const head = body.subarray(columnsAt, reader.at);
    const bitmap = (): Buffer => {
      const at = reader.skip((columns + 7) >> 3);
      return body.subarray(at, reader.at);
    };
    const first = bitmap();
    const second = operation === 'update' ? bitmap() : undefined;
    const beforeImage = this.#image(first);
    const afterImage = second === undefined ? undefined : this.#image(second);
    const runs: Run[] = [];
    let history = 0;
    for (let at = reader.at; at < end; ) {
      const middle = this.#walk(beforeImage, body, at, end);
      const wasCurrent = this.#isCurrent;
      const next = afterImage === undefined ? middle : this.#walk(afterImage, body, middle, end);
      // What an image does not have has not changed, and history changes only as a whole.
      const effect = effectOf(operation, wasCurrent ?? true, this.#isCurrent ?? wasCurrent ?? true);
      if (next === at) throw malformedEvent('row event without rows');
      if (effect === undefined) history++;
      else imagesOf(runs, effect).push(body.subarray(...extentOf(operation, effect, at, middle, next)));
      at = next;
    }
    if (history === 0 && runs.length === 1 && runs[0]!.effect === operation)
      return { events: [event], history };
    const events = runs.map(({ effect, images }): RowsEvent => {
      const bitmaps =
        effect === 'update' ? [first, second!] : effect === 'insert' ? [second ?? first] : [first];
      const rows = Buffer.concat([head, ...bitmaps, ...images]);
      return { ...event, operation: effect, body: rows, columnsAt: 0, end: rows.length };
    });
    return { events, history };
  }

  /** Walks over the images of the columns in the bitmap. */
  #image(bitmap: Buffer): RowImage {
    const key = bitmap.toString('latin1');
    let image = this.#images.get(key);
    if (image === undefined) {
      const isSet = (column: number): boolean => ((bitmap[column >> 3]! >> (column & 7)) & 1) === 1;
      image = new RowImage(this.#plans.filter((_, column) => isSet(column)));
      if (this.#images.size >= maxImages) this.#images.clear();
      this.#images.set(key, image);
    }
    return image;
  }

  #walk(image: RowImage, body: Buffer, at: number, end: number): number {
    this.#isCurrent = undefined;
    this.#out.length = 0;
    return image.write(body, at, end, this.#out);
  }

  /** Writes nothing. TIMESTAMP(6): seconds u32 | microseconds u24, big-endian. */
  readonly #look = (bytes: Buffer, at: number, _end: number, _out: Buffer, to: number): number => {
    this.#isCurrent = lastSeconds.has(bytes.readUInt32BE(at)) && bytes.readUIntBE(at + 4, 3) === lastMicros;
    return to;
  };
}

const maxImages = 64;

/** What one row does to the current rows; undefined: nothing. */
function effectOf(operation: Operation, wasCurrent: boolean, isCurrent: boolean): Operation | undefined {
  if (operation !== 'update') return wasCurrent ? operation : undefined;
  if (wasCurrent) return isCurrent ? 'update' : 'delete';
  return isCurrent ? 'insert' : undefined;
}

/** Of the run that a row with this effect belongs to. */
function imagesOf(runs: Run[], effect: Operation): Buffer[] {
  const last = runs.at(-1);
  if (last?.effect === effect) return last.images;
  const images: Buffer[] = [];
  runs.push({ effect, images });
  return images;
}

/** A row whose life ends is deleted as it was before. */
function extentOf(
  operation: Operation,
  effect: Operation,
  at: number,
  middle: number,
  next: number,
): [from: number, end: number] {
  if (operation !== 'update' || effect === 'update') return [at, next];
  return effect === 'delete' ? [at, middle] : [middle, next];
}
