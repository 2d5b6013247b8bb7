/**
 * Raw events in their order, each a range of a buffer that arrived. No view is made of an event: it would cost more than
 * reading a short one.
 */
export class RawEvents {
  readonly #buffers: Buffer[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #bytes = 0;

  /** How many. */
  get length(): number {
    return this.#buffers.length;
  }

  /** Of all events. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The event lies in [start, end). */
  push(buffer: Buffer, start: number, end: number): void {
    this.#buffers.push(buffer);
    this.#starts.push(start);
    this.#ends.push(end);
    this.#bytes += end - start;
  }

  /** The buffer in which the event lies from `start` to `end`. */
  buffer(index: number): Buffer {
    return this.#buffers[index]!;
  }

  start(index: number): number {
    return this.#starts[index]!;
  }

  end(index: number): number {
    return this.#ends[index]!;
  }

  /** One event as a view. */
  view(index: number): Buffer {
    return this.buffer(index).subarray(this.start(index), this.end(index));
  }
}
