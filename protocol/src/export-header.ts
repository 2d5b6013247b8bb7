/** Of the files that `drc store export` writes (docs/protocol.md, Exports). */
export const exportVersion = 1;

/** What stands in front of an export's frames. */
export interface ExportHeader {
  readonly topic: string;
  readonly lineage: string;
  /** The first and the last transaction of the slice, whether the stream has anything of them or not. */
  readonly fromLsn: number;
  readonly toLsn: number;
  /** The executed set in front of the first, as text. */
  readonly set: string;
  /** How many the stream has. */
  readonly transactions: number;
  readonly rows: number;
}
