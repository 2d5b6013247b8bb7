import {
  FrameKind,
  frameHeaderBytes,
  maxFramePayloadBytes,
  RecordKind,
  recordHeader,
  recordHeaderBytes,
  sealFrame,
} from '@drc/protocol';
import type { SeenTable } from './seen-table.js';
import type { Piece } from './frame-writer.js';
import { ProgressPace } from './progress-pace.js';
import type { StoredChunk } from './readable-log.js';
import type { Selection } from './selection.js';

/** Whole transactions that follow each other, as every reader of one view gets them. */
export interface SharedBurst {
  /** The first transaction behind it. */
  readonly nextLsn: number;
  /** Log time of the last one. */
  readonly logTime: number;
  /** All that is left of them, sealed; undefined where that is nothing. */
  readonly frame: Buffer | undefined;
  /** Tables whose rows are in the frame. */
  readonly tables: ReadonlySet<SeenTable>;
  readonly rows: number;
  /** Transactions of which something is left, and the others. */
  readonly transactions: number;
  readonly skipped: number;
  /** What it took of the log. */
  readonly logBytes: number;
  /** What was passed over, counted as for a reader who had passed over nothing before. */
  readonly pace: ProgressPace;
}

/** Packs whole transactions into one frame. */
export class BurstComposer {
  readonly #pieces: Piece[] = [];
  readonly #tables = new Set<SeenTable>();
  readonly #pace = new ProgressPace();
  #bytes = 0;
  #rows = 0;
  #transactions = 0;
  #skipped = 0;
  #logBytes = 0;
  #ended: { readonly lsn: number; readonly logTime: number } | undefined;
  /** Of the transaction that has not ended. */
  #open: { readonly chunk: StoredChunk; readonly selection: Selection }[] = [];

  /** The next chunk, and what is left of it. False where its transaction does not fit: it is not in the burst then. */
  add(chunk: StoredChunk, selection: Selection): boolean {
    this.#open.push({ chunk, selection });
    return chunk.last ? this.#end(chunk) : this.#open.length < maxOpenChunks;
  }

  /** Undefined where no transaction fitted. */
  take(): SharedBurst | undefined {
    if (this.#ended === undefined) return undefined;
    return {
      nextLsn: this.#ended.lsn + 1,
      logTime: this.#ended.logTime,
      frame: this.#bytes === 0 ? undefined : this.#frame(),
      tables: this.#tables,
      rows: this.#rows,
      transactions: this.#transactions,
      skipped: this.#skipped,
      logBytes: this.#logBytes,
      pace: this.#pace,
    };
  }

  #end({ lsn, logTime }: StoredChunk): boolean {
    const chunks = this.#open;
    this.#open = [];
    const given = chunks.findIndex(({ selection }) => !selection.isEmpty);
    // The last chunk goes out with whatever was given before it, also where nothing of itself is left.
    const sent = given < 0 ? [] : chunks.filter(({ chunk, selection }) => !selection.isEmpty || chunk.last);
    const bytes = sent.reduce((sum, { selection }) => sum + recordHeaderBytes + selection.bytes, 0);
    if (this.#bytes + bytes > maxFramePayloadBytes) return false;
    for (const { selection } of sent) this.#put(selection);
    this.#bytes += bytes;
    for (const { chunk, selection } of chunks) {
      this.#logBytes += chunk.bytes.length;
      if (selection.isEmpty) this.#pace.skipBytes(chunk.bytes.length);
    }
    if (given < 0) {
      this.#skipped += 1;
      this.#pace.skip();
    } else {
      this.#transactions += 1;
      this.#pace.give();
    }
    this.#ended = { lsn, logTime };
    return true;
  }

  #put(selection: Selection): void {
    const header = recordHeader(RecordKind.chunk, selection.bytes);
    this.#pieces.push({ bytes: header, at: 0, end: header.length }, ...selection.pieces);
    this.#rows += selection.rows;
    for (const table of selection.tables) this.#tables.add(table);
  }

  #frame(): Buffer {
    const frame = Buffer.allocUnsafeSlow(frameHeaderBytes + this.#bytes);
    let length = frameHeaderBytes;
    for (const { bytes, at, end } of this.#pieces) length += bytes.copy(frame, length, at, end);
    return sealFrame(frame, FrameKind.data);
  }
}

/** A transaction of more has no place in a frame. */
const maxOpenChunks = 64;
