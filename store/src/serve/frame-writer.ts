import {
  FrameKind,
  frameHeaderBytes,
  maxFrameBytes,
  recordHeaderBytes,
  sealFrame,
  type RecordKindCode,
} from '@drc/protocol';
import type { Credit } from './credit.js';
import type { FramePool } from './frame-pool.js';
import type { ServeCounters } from './serve-counters.js';

/** The sending side of a client's connection. */
export interface FrameSink {
  /** `done` is called once, when the frame is with the kernel or lost with the connection. */
  send(frame: Buffer, done: () => void): void;
}

/** Bytes `at` … `end` of a buffer. */
export interface Piece {
  readonly bytes: Buffer;
  readonly at: number;
  readonly end: number;
}

export interface FrameWriterOptions {
  readonly sink: FrameSink;
  readonly credit: Credit;
  readonly pool: FramePool;
  readonly counters: ServeCounters;
  /** Ends every wait; its reason is thrown. */
  readonly signal: AbortSignal;
  /** Bytes that may wait in this process for the kernel; one frame always may. Default 192 KiB. */
  readonly maxUnsentBytes?: number;
}

/**
 * Packs records into frames and sends them within the client's credit. Each byte is copied once, into its frame.
 * One frame is open at a time; holds at most `maxUnsentBytes` and the open frame. One caller, one call at a time.
 */
export class FrameWriter {
  readonly #options: FrameWriterOptions;
  readonly #maxUnsentBytes: number;
  /** The open frame; undefined where nothing waits to be sent. */
  #frame: Buffer | undefined;
  #length = 0;
  #unsentBytes = 0;
  #framesSent = 0;
  /** Wakes the one caller that waits for room; undefined where none waits. */
  #wake: (() => void) | undefined;

  constructor(options: FrameWriterOptions) {
    this.#options = options;
    this.#maxUnsentBytes = options.maxUnsentBytes ?? 192 * 1024;
    options.signal.addEventListener('abort', () => this.wake(), { once: true });
  }

  get framesSent(): number {
    return this.#framesSent;
  }

  /**
   * Adds a record. Done at once where it fits the open frame; a promise only where frames must go first.
   * @param bodyBytes what the pieces hold together
   */
  write(kind: RecordKindCode, pieces: readonly Piece[], bodyBytes: number): Promise<void> | undefined {
    const frame = (this.#frame ??= this.#open());
    if (this.#length + recordHeaderBytes + bodyBytes > maxFrameBytes) {
      return this.#writeSpanning(kind, pieces, bodyBytes);
    }
    this.#putHeader(frame, kind, bodyBytes);
    for (const { bytes, at, end } of pieces) this.#length += bytes.copy(frame, this.#length, at, end);
    return undefined;
  }

  /** Whether a frame is begun and not sent. */
  get isOpen(): boolean {
    return this.#frame !== undefined;
  }

  /** Sends a frame that was made elsewhere, and may go to others too. None may be open. */
  async writeSealed(frame: Buffer): Promise<void> {
    while (!this.#maySend(frame.length)) await this.#room();
    this.#options.signal.throwIfAborted();
    this.#send(frame, () => undefined);
  }

  /** Sends the open frame, however little is in it. */
  async flush(): Promise<void> {
    if (this.#frame === undefined) return;
    const frame = sealFrame(this.#frame.subarray(0, this.#length), FrameKind.data);
    while (!this.#maySend(frame.length)) await this.#room();
    this.#options.signal.throwIfAborted();
    const buffer = this.#frame;
    this.#frame = undefined;
    this.#send(frame, () => this.#options.pool.give(buffer));
  }

  /** Looks again whether there is room: the client has acknowledged something. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Gives back the open frame. Nothing may be written afterwards. */
  discard(): void {
    if (this.#frame !== undefined) this.#options.pool.give(this.#frame);
    this.#frame = undefined;
  }

  async #writeSpanning(kind: RecordKindCode, pieces: readonly Piece[], bodyBytes: number): Promise<void> {
    if (this.#length + recordHeaderBytes > maxFrameBytes) await this.flush();
    this.#putHeader((this.#frame ??= this.#open()), kind, bodyBytes);
    for (const { bytes, at, end } of pieces) {
      for (let from = at; from < end; ) {
        const frame = (this.#frame ??= this.#open());
        const copied = bytes.copy(frame, this.#length, from, end);
        this.#length += copied;
        from += copied;
        if (this.#length === maxFrameBytes) await this.flush();
      }
    }
  }

  #open(): Buffer {
    this.#length = frameHeaderBytes;
    return this.#options.pool.take();
  }

  #putHeader(frame: Buffer, kind: RecordKindCode, bodyBytes: number): void {
    frame.writeUInt32LE(bodyBytes + 1, this.#length);
    frame[this.#length + 4] = kind;
    this.#length += recordHeaderBytes;
  }

  #maySend(bytes: number): boolean {
    const unsentAllows = this.#unsentBytes === 0 || this.#unsentBytes + bytes <= this.#maxUnsentBytes;
    return (unsentAllows && this.#options.credit.allows(bytes)) || this.#options.signal.aborted;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #send(frame: Buffer, done: () => void): void {
    const { sink, credit, counters } = this.#options;
    credit.spend(frame.length);
    this.#unsentBytes += frame.length;
    this.#framesSent++;
    counters.frames++;
    counters.bytes += frame.length;
    sink.send(frame, () => {
      this.#unsentBytes -= frame.length;
      done();
      this.wake();
    });
  }
}
