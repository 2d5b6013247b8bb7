import type { TableVersion } from '@drc/protocol';
import type { RowFilter } from './row-filter.js';

/** A table version as the readers of a view see it. */
export interface SeenTable {
  readonly wanted: boolean;
  /** As the log has it; undefined where it is not wanted. */
  readonly version: TableVersion | undefined;
  /** Undefined where they have all of it: its parts then go out as they are stored. */
  readonly rows: RowFilter | undefined;
  /** Body of the schema record that precedes its first row; empty where it is not wanted. */
  readonly announcement: Buffer;
}
