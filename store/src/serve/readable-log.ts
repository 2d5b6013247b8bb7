import type {
  LogExtent,
  LogMoment,
  ParsedChunk,
  StartFrom,
  TableVersion,
  TransactionSet,
} from '@drc/protocol';

/** A place to go on reading: the next key wanted. */
export interface Cursor {
  readonly lsn: number;
  readonly chunk: number;
}

export interface StoredChunk extends ParsedChunk {
  /** The chunk as in protocol's chunk.ts. Read only: other sessions may hold the same bytes. */
  readonly bytes: Buffer;
}

/** Chunks in the order of their keys, and where the next ones stand. */
export interface Burst {
  readonly chunks: readonly StoredChunk[];
  readonly next: Cursor;
}

/** The reading side of the transaction log: all that serving needs of it. */
export interface ReadableLog {
  readonly lineage: string;
  readonly head: {
    readonly value: LogMoment;
    /** Resolves when the head is beyond `lsn`; rejects with the signal's reason. */
    after(lsn: number, signal: AbortSignal): Promise<LogMoment>;
  };
  extent(): LogExtent;
  executedBefore(lsn: number): Promise<TransactionSet>;
  /** The first lsn to send, and what the reader has before it: the executed set there, or the checkpoint's own. */
  seek(
    from: StartFrom,
    seekMarginMs: number,
  ): Promise<{ readonly lsn: number; readonly set: TransactionSet }>;
  /** At least one chunk where the cursor is not beyond the head; about `maxBytes` of them. */
  read(cursor: Cursor, limits: { readonly maxBytes: number; readonly signal: AbortSignal }): Promise<Burst>;
  table(id: Buffer): Promise<TableVersion>;
}
