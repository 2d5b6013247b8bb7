const initialBytes = 64 * 1024;

/**
 * A growing output buffer. Its hot users write into `buffer` at `length` themselves, after `ensure`; `buffer` is
 * another object after each call that may grow it.
 */
export class ByteWriter {
  buffer: Buffer;
  /** Bytes written so far. */
  length = 0;
  readonly #keepBytes: number;

  /** @param keepBytes the buffer is kept for reuse up to this size; default 1 MiB. */
  constructor(keepBytes = 1024 * 1024) {
    this.buffer = Buffer.allocUnsafeSlow(initialBytes);
    this.#keepBytes = keepBytes;
  }

  /** Room for so many more bytes behind `length`. */
  ensure(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }

  writeBytes(bytes: Uint8Array): void {
    this.ensure(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** What was written, now the caller's; the writer is empty afterwards. */
  take(): Buffer {
    const written = this.buffer.subarray(0, this.length);
    this.length = 0;
    if (written.length * 2 < this.buffer.length) {
      const copy = Buffer.allocUnsafeSlow(written.length);
      written.copy(copy);
      if (this.buffer.length > this.#keepBytes) this.buffer = Buffer.allocUnsafeSlow(initialBytes);
      return copy;
    }
    this.buffer = Buffer.allocUnsafeSlow(Math.min(this.buffer.length, this.#keepBytes));
    return written;
  }
}
