/** Writes gathered for one atomic step. */
export interface WriteBatch {
  /** Key and value may be kept until the batch is written: they must not change. */
  put(key: Buffer, value: Buffer): unknown;
  del(key: Buffer): unknown;
  readonly length: number;
  /** Once. */
  write(): Promise<void>;
}

type Operation =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: Buffer };

/** The two forms that `level` has. */
interface BatchTarget {
  batch(operations: Operation[]): Promise<void>;
  batch(): WriteBatch;
}

/** From here on an operation's bytes cost more than the operation. */
const largeValueBytes = 8 * 1024;

/**
 * A batch of classic-level, in whichever of its forms fits; the first operation tells what the others will be like. Its
 * chained batch takes small operations half as fast again (154,000 against 106,000 transactions a second), but its native
 * copy of all of them lives until the garbage collector finds it, which knows nothing of those bytes: large chunks would
 * fill hundreds of MiB. So they go as an array.
 */
export class LevelBatch implements WriteBatch {
  readonly #target: BatchTarget;
  #chained: WriteBatch | undefined = undefined;
  readonly #operations: Operation[] = [];

  constructor(target: BatchTarget) {
    this.#target = target;
  }

  get length(): number {
    return this.#chained?.length ?? this.#operations.length;
  }

  put(key: Buffer, value: Buffer): void {
    if (value.length < largeValueBytes && this.#operations.length === 0)
      this.#chained ??= this.#target.batch();
    if (this.#chained === undefined) this.#operations.push({ type: 'put', key, value });
    else this.#chained.put(key, value);
  }

  del(key: Buffer): void {
    if (this.#chained === undefined) this.#operations.push({ type: 'del', key });
    else this.#chained.del(key);
  }

  async write(): Promise<void> {
    await (this.#chained === undefined ? this.#target.batch(this.#operations) : this.#chained.write());
  }
}
