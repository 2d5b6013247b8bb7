import { DrcError, isDrcError, type TableVersion } from '@drc/protocol';
import type { RowOperation } from '@drc/protocol';
import type { ByteWriter } from './byte-writer.js';
import type { Losses } from './charset.js';
import { planColumn, skippedColumn, type ColumnPlan, type LearnedColumn } from './column-plan.js';
import { EventBytes, malformedEvent } from './event-bytes.js';
import { RowImage } from './row-image.js';
import { collationsOf, type Flavour, type TableMap } from './table-schema.js';

export { ByteWriter } from './byte-writer.js';
export type { LearnedColumn } from './column-plan.js';

export interface TranscoderOptions {
  readonly flavour: Flavour;
  /** By column name. What is not in it is taken as the event shows it. */
  readonly learned?: ReadonlyMap<string, LearnedColumn>;
  /** Names of columns that are left out. */
  readonly excludeColumns?: ReadonlySet<string>;
  /** Index of a column that is the same in all rows that come, so that a key needs it not. */
  readonly constantColumn?: number | undefined;
}

/** What `transcode` wrote. The bitmaps are there where columns are missing from the images; over `version.columns`. */
export interface TranscodedRows {
  readonly rows: number;
  readonly before?: Buffer;
  readonly after?: Buffer;
}

/** The images of one set of columns, as an event's bitmap names it. */
interface Present {
  readonly image: RowImage;
  /** Over `version.columns`. */
  readonly bitmap: Buffer;
  /** Whether all of `version.columns` are there. */
  readonly isFull: boolean;
}

/**
 * Rewrites the rows of one table version from the binlog's form into the messages of protocol/chunk.ts, without
 * making a value of them. Compiled once, when the table's TABLE_MAP event is new.
 */
export class RowTranscoder {
  readonly version: TableVersion;
  readonly #map: TableMap;
  readonly #plans: readonly ColumnPlan[];
  readonly #losses: ReadonlyMap<string, Losses>;
  readonly #full: Present;
  /** By the bitmap's bytes: a session with another `binlog_row_image` writes few different ones. */
  readonly #partial = new Map<string, Present>();

  /**
   * @throws DrcError `UNSUPPORTED_COLUMN` with the table's and the column's name; `SOURCE_CONFIG` where the event
   * does not have FULL metadata
   */
  constructor(map: TableMap, options: TranscoderOptions) {
    if (!map.hasFullMetadata) throw notFull(map);
    const collations = collationsOf(map, options.flavour);
    const losses = new Map(map.columns.map(({ name }) => [name, { count: 0 }]));
    this.#map = map;
    this.#losses = losses;
    this.#plans = map.columns.map((column, index) => {
      const context = {
        schema: map.schema,
        table: map.table,
        flavour: options.flavour,
        collation: collations[index],
        learned: options.learned?.get(column.name),
        losses: losses.get(column.name)!,
      };
      return options.excludeColumns?.has(column.name)
        ? skippedColumn(column, context)
        : planColumn(column, context);
    });
    this.version = versionOf(map, this.#plans, options.constantColumn);
    this.#full = presentOf(this.#plans, () => true);
  }

  /**
   * Characters that had no place in UTF-8 and became '?', as in the source's own SELECT; by column, where there
   * were any.
   */
  get losses(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#losses].flatMap(([name, { count }]) => (count > 0 ? [[name, count] as const] : [])),
    );
  }

  /**
   * Rewrites all rows of one row event to images behind what `out` holds; the caller writes the part's header.
   *
   *   column count packed | bitmap of columns in the (before) image | of the after image (update only)
   *   | (before image | after image)*
   *
   * @param columnsAt where the column count stands, behind table id, flags and extra data
   * @param end behind the rows, before a checksum; nothing beyond it is read
   * @throws DrcError `EVENT_MALFORMED`; `out` is then as it was before
   */
  transcode(
    kind: RowOperation,
    body: Buffer,
    columnsAt: number,
    end: number,
    out: ByteWriter,
  ): TranscodedRows {
    const start = out.length;
    try {
      return this.#transcode(kind, body, columnsAt, end, out);
    } catch (cause) {
      out.length = start;
      if (!isDrcError(cause, 'EVENT_MALFORMED')) throw cause;
      const table = `${this.#map.schema}.${this.#map.table}`;
      throw new DrcError('EVENT_MALFORMED', `${kind} of ${table}: ${cause.message}`, { table }, { cause });
    }
  }

  #transcode(
    kind: RowOperation,
    body: Buffer,
    columnsAt: number,
    end: number,
    out: ByteWriter,
  ): TranscodedRows {
    const reader = new EventBytes(body, columnsAt, end, 'row event');
    const columns = reader.packed();
    if (columns !== this.#plans.length) throw malformedEvent('row event of another number of columns');
    const bitmapBytes = (columns + 7) >> 3;
    const first = this.#present(body, reader.skip(bitmapBytes));
    const second = kind === 'update' ? this.#present(body, reader.skip(bitmapBytes)) : undefined;
    let rows = 0;
    for (let at = reader.at; at < end; rows++) {
      const row = at;
      at = first.image.write(body, row, end, out);
      if (second !== undefined) at = second.image.write(body, at, end, out);
      if (at === row) break;
    }
    // Rows of no columns have no bytes: how many there were cannot be known.
    if (rows === 0 || reader.at === end) throw malformedEvent('row event without rows');
    if (first.isFull && (second === undefined || second.isFull)) return { rows };
    if (kind === 'insert') return { rows, after: first.bitmap };
    return second === undefined
      ? { rows, before: first.bitmap }
      : { rows, before: first.bitmap, after: second.bitmap };
  }

  /** The images with the columns of the bitmap at this offset. */
  #present(body: Buffer, at: number): Present {
    const columns = this.#plans.length;
    if (hasAll(body, at, columns)) return this.#full;
    const key = body.toString('latin1', at, at + ((columns + 7) >> 3));
    let present = this.#partial.get(key);
    if (present === undefined) {
      present = presentOf(this.#plans, (column) => isSet(body, at, column));
      if (this.#partial.size >= maxPartialImages) this.#partial.clear();
      this.#partial.set(key, present);
    }
    return present;
  }
}

const maxPartialImages = 64;

const isSet = (bytes: Buffer, at: number, bit: number): boolean =>
  ((bytes[at + (bit >> 3)]! >> (bit & 7)) & 1) === 1;

function hasAll(bytes: Buffer, at: number, bits: number): boolean {
  const whole = bits >> 3;
  for (let index = 0; index < whole; index++) if (bytes[at + index] !== 0xff) return false;
  const rest = (1 << (bits & 7)) - 1;
  return rest === 0 || (bytes[at + whole]! & rest) === rest;
}

function presentOf(plans: readonly ColumnPlan[], isPresent: (column: number) => boolean): Present {
  const delivered = plans.flatMap((plan, index) => (plan.column ? [isPresent(index)] : []));
  const bitmap = Buffer.alloc((delivered.length + 7) >> 3);
  delivered.forEach((present, index) => {
    if (present) bitmap[index >> 3]! |= 1 << (index & 7);
  });
  return {
    image: new RowImage(plans.filter((_, index) => isPresent(index))),
    bitmap,
    isFull: delivered.every(Boolean),
  };
}

function versionOf(map: TableMap, plans: readonly ColumnPlan[], constant: number | undefined): TableVersion {
  const columns = plans.flatMap(({ column }) => (column ? [column] : []));
  const key = map.primaryKey.filter((index) => index !== constant);
  const places = key.map((index) => {
    const column = plans[index]!.column;
    return column === undefined ? -1 : columns.indexOf(column);
  });
  return {
    schema: map.schema,
    table: map.table,
    columns,
    // Without one of its columns a key identifies nothing.
    primaryKey: places.includes(-1) ? [] : places,
  };
}

const notFull = (map: TableMap): DrcError =>
  new DrcError(
    'SOURCE_CONFIG',
    `The events of ${map.schema}.${map.table} do not carry FULL metadata. Run SET GLOBAL binlog_row_metadata = 'FULL'.`,
    { table: `${map.schema}.${map.table}` },
  );
