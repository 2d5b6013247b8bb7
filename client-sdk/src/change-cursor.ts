import type { Change } from './change.js';
import type { ChunkSlice, RowReader } from './row-reader.js';

/** A chunk of the transaction in hand. */
export interface StreamChunk extends ChunkSlice {
  readonly last: boolean;
}

/** Where the further chunks of the transaction in hand come from. */
export interface ChunkSource {
  readonly reader: RowReader;
  /** The next chunk; undefined while it has not arrived. */
  nextChunk(): StreamChunk | undefined;
  /** Resolves when there may be a next chunk. */
  arrival(): Promise<void>;
}

/** An array is the caller's own. `wait`: nothing more has arrived · `limit`: the transaction is beyond the limit · `end`: that was all. */
export type Step = Change[] | 'wait' | 'limit' | 'end';

/** Goes through the changes of one transaction, a part at a time, holding one chunk. */
export class ChangeCursor {
  readonly #source: ChunkSource;
  #chunk: StreamChunk;
  #parts: Generator<Change[]> | undefined;
  #bytes: number;

  constructor(source: ChunkSource, first: StreamChunk) {
    this.#source = source;
    this.#chunk = first;
    this.#bytes = lengthOf(first);
  }

  /** The next changes. Nothing is decoded beyond `maxBytes` of the transaction. @throws DrcError `PROTOCOL_VIOLATION`. */
  step(maxBytes = Infinity): Step {
    for (;;) {
      if (this.#bytes > maxBytes) return 'limit';
      this.#parts ??= this.#source.reader.read(this.#chunk);
      const part = this.#parts.next();
      if (part.done !== true) {
        if (part.value.length > 0) return part.value;
      } else {
        if (this.#chunk.last) return 'end';
        const next = this.#source.nextChunk();
        if (next === undefined) return 'wait';
        this.#chunk = next;
        this.#bytes += lengthOf(next);
        this.#parts = undefined;
      }
    }
  }

  arrival(): Promise<void> {
    return this.#source.arrival();
  }
}

/** As sent, without the header. */
const lengthOf = ({ partsAt, end }: StreamChunk): number => end - partsAt;
