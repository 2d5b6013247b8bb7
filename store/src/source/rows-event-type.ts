import { EventType, type RowsEvent } from './binlog-events.js';

/** What a rows event of this type does; undefined for an event of another kind. */
export function rowOperation(type: number): RowsEvent['operation'] | undefined {
  switch (type) {
    case EventType.WRITE_ROWS_V1:
    case EventType.WRITE_ROWS:
    case EventType.WRITE_ROWS_COMPRESSED_V1:
    case EventType.WRITE_ROWS_COMPRESSED:
      return 'insert';
    case EventType.UPDATE_ROWS_V1:
    case EventType.UPDATE_ROWS:
    case EventType.UPDATE_ROWS_COMPRESSED_V1:
    case EventType.UPDATE_ROWS_COMPRESSED:
      return 'update';
    case EventType.DELETE_ROWS_V1:
    case EventType.DELETE_ROWS:
    case EventType.DELETE_ROWS_COMPRESSED_V1:
    case EventType.DELETE_ROWS_COMPRESSED:
      return 'delete';
    default:
      return undefined;
  }
}

/** MariaDB's events under `log_bin_compress`. */
export const isCompressed = (type: number): boolean => type >= EventType.WRITE_ROWS_COMPRESSED_V1;

/** Rows events of version 2, which MySQL writes. */
export const hasExtraData = (type: number): boolean =>
  type >= EventType.WRITE_ROWS_COMPRESSED || (type >= EventType.WRITE_ROWS && type <= EventType.DELETE_ROWS);
