/** A transaction or DDL of the source that is about to come. */
export interface GroupHeader {
  readonly id: string;
  /** µs since 1970, as the source says. */
  readonly commitTime: number;
  readonly origin: string;
}

/** One that is being written. */
export interface OpenGroup extends Omit<GroupHeader, 'origin'> {
  /** Final with the first chunk. */
  origin: string;
  readonly lsn: number;
  readonly logTime: number;
  /** Of the chunks so far. */
  readonly checksums: number[];
  /** The XID under which it is being prepared. */
  preparedAs: string | undefined;
}
