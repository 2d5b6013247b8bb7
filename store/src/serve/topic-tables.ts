import type { TableVersion } from '@drc/protocol';

/** What is known of the topic's tables. */
export interface TopicTables {
  /** Of each table of which the log holds rows, or held not long ago, the version that was written last. */
  written(): Promise<readonly TableVersion[]>;
  /** What the source says of captured tables that are wanted. */
  atSource(wants: (schema: string, table: string) => boolean): Promise<{
    readonly tables: readonly TableVersion[];
    /** How many of them could not be described; undefined where nobody knows. */
    readonly missing: number | undefined;
  }>;
}
