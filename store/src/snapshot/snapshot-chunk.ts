import type { TableVersion, TransactionSet } from '@drc/protocol';

/** A table by its names on the source. */
export interface SnapshotTable {
  readonly schema: string;
  readonly table: string;
}

/** How much one chunk may hold; both bounds are met, but a chunk has at least one row where there is one. */
export interface ChunkLimits {
  /** Rows at most, 1 and more. */
  readonly rows: number;
  /** Bytes of images that the chunk should not go beyond by more than its largest row. */
  readonly bytes: number;
}

/**
 * Some rows of a table in the order of its key, as they were at one moment of the source.
 *
 * That moment is behind the opening of the table's reader, and lies between `low` and `high`: what a transaction of `low` did is in the rows, and what a transaction did that is not
 * in `high` is not. Of those between nobody knows; where both are equal (MariaDB) there are none.
 *
 * A transaction is in the binlog, and so perhaps in the store's log and with a client, a little before it can be seen in its table. So
 * `low` may lack some that a stream has begun behind: such a stream never delivers them, and this chunk has not got them. It has
 * to be read again until `low` covers everything that the stream began behind.
 */
export interface SnapshotChunk {
  /** The columns of the images. Their schema id is `schemaIdOf(version)`, the same as the stream's for this table. */
  readonly version: TableVersion;
  /** One per row, byte for byte as in an insert of the stream: the image marker, then all columns' messages. */
  readonly images: readonly Buffer[];
  /**
   * Per row what `ImageKey` makes of its image: the key columns' messages as Latin-1 text. Equal for equal stored values;
   * values that only the collation takes for equal ('a', 'A') have different ones.
   */
  readonly keys: readonly string[];
  readonly low: TransactionSet;
  readonly high: TransactionSet;
  /**
   * Where the next chunk begins: what `read` takes as `after`, and a checkpoint keeps. Empty only where the table has no rows at or
   * behind the place where this chunk began.
   */
  readonly lastKey: Buffer;
  /** Nothing stood behind the chunk's last row at its moment. */
  readonly done: boolean;
}

/** Reads one table in chunks. One chunk at a time; any place may be read again. */
export interface TableReader extends AsyncDisposable {
  readonly version: TableVersion;
  /** Indexes into `version.columns`, in the key’s order; at least one. */
  readonly keyColumns: readonly number[];
  /** As the source estimates them; may be wrong by half, and 0 for a table that has rows. */
  readonly estimatedRows: number;
  /**
   * @param after `lastKey` of the chunk before, of this reader or of any other for this table; undefined: from the start
   * @throws DrcError `SOURCE_UNREACHABLE` (retryable) where the connection broke: open the table again and go on with `after` ·
   * `SNAPSHOT_TABLE_CHANGED` (retryable) where the table was altered since the reader was opened: open it again; a key with other
   * columns makes it start anew · `SNAPSHOT_KEY_INVALID` where `after` is not of this table's key · the signal's reason
   */
  read(after: Buffer | undefined, limits: ChunkLimits, signal: AbortSignal): Promise<SnapshotChunk>;
}

/** Opens tables of the source by a connection of its own. */
export interface SnapshotSource extends AsyncDisposable {
  /**
   * @throws DrcError `SNAPSHOT_NEEDS_KEY`, `SNAPSHOT_NEEDS_GTID`, `SNAPSHOT_UNSUPPORTED`, `TABLE_UNKNOWN`, `SOURCE_PRIVILEGE`, `UNSUPPORTED_COLUMN`,
   * `SOURCE_UNREACHABLE` · the signal's reason
   */
  open(table: SnapshotTable, signal: AbortSignal): Promise<TableReader>;
  /**
   * The captured base tables that the source has now, in the order of their names.
   * @throws DrcError `SOURCE_UNREACHABLE` · the signal's reason
   */
  tables(signal: AbortSignal): Promise<readonly SnapshotTable[]>;
}
