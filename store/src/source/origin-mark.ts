import { ImageDecoder, originColumns, originTable, siteNamePattern, type TableVersion } from '@drc/protocol';
import type { RowsEvent } from './binlog-events.js';
import { ByteWriter } from './byte-writer.js';
import { ColumnCode } from './column-code.js';
import { RowTranscoder } from './row-transcoder.js';
import type { Flavour, MapColumn, TableMap } from './table-schema.js';

/** `schema.table` of the table that marks transactions (protocol/origin.ts). */
export const originTableName = `${originTable.schema}.${originTable.table}`;

/**
 * What a table of that name is. `mark`: congo's own, by its columns. `other`: somebody's, with other columns. Servers that take names in any
 * letters write them small.
 */
export function originTableKind(map: TableMap): 'mark' | 'other' | undefined {
  if (map.schema !== originTable.schema || map.table !== originTable.table) return undefined;
  const isMark =
    map.columns.length === columnShapes.length &&
    map.columns.every((column, index) => columnShapes[index]!(column) && isNamed(map, column, index));
  return isMark ? 'mark' : 'other';
}

/** Without FULL metadata there are no names, and capture stops, as at any table. */
const isNamed = (map: TableMap, { name }: MapColumn, index: number): boolean =>
  !map.hasFullMetadata || name === originColumns[index];

const isText = ({ code, nullable }: MapColumn): boolean => code === ColumnCode.varchar && !nullable;
const isNumber =
  (wanted: number) =>
  ({ code, nullable, unsigned }: MapColumn): boolean =>
    code === wanted && !nullable && unsigned;
const columnShapes = [isText, isText, isNumber(ColumnCode.long), isNumber(ColumnCode.longlong)];

/** Reads the marks of one version of the table. */
export class OriginMark {
  readonly #transcoder: RowTranscoder;
  readonly #out = new ByteWriter();

  /** @throws DrcError `SOURCE_CONFIG` without FULL metadata */
  constructor(map: TableMap, flavour: Flavour) {
    this.#transcoder = new RowTranscoder(map, { flavour });
  }

  /**
   * The site that one row names, as it is inserted or updated; undefined where the event is no mark: it deletes (somebody clears the table),
   * has several rows (somebody restores it), or names what cannot be a site.
   * @throws DrcError `EVENT_MALFORMED`
   */
  siteOf(event: RowsEvent): string | undefined {
    if (event.operation === 'delete') return undefined;
    this.#out.length = 0;
    const { version } = this.#transcoder;
    const { rows, before, after } = this.#transcoder.transcode(
      event.operation,
      event.body,
      event.columnsAt,
      event.end,
      this.#out,
    );
    if (rows !== 1) return undefined;
    // Of an update the image before comes first: it always has the key, and the key does not change.
    const site = firstRow(version, event.operation === 'update' ? before : (after ?? before), this.#out)[
      originColumns[0]
    ];
    return typeof site === 'string' && siteNamePattern.test(site) ? site : undefined;
  }
}

const firstRow = (version: TableVersion, present: Buffer | undefined, { buffer, length }: ByteWriter) =>
  new ImageDecoder(version, present).decodeOne(buffer, 0, length).row;
