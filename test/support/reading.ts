import type { Change, Checkpoint, Subscription, Transaction } from '@drc/client-sdk';

/** A transaction as the loop got it. */
export interface ReadTransaction {
  readonly id: string;
  readonly commitTime: Date;
  readonly changes: readonly Change[];
  readonly checkpoint: Checkpoint;
}

const deadlineMs = 60_000;

/** Reads a subscription piece by piece: what `for await` does, with a deadline for each transaction. */
export class Reading implements AsyncDisposable {
  readonly subscription: Subscription;
  readonly #iterator: AsyncIterator<Transaction>;

  constructor(subscription: Subscription) {
    this.subscription = subscription;
    this.#iterator = subscription[Symbol.asyncIterator]();
  }

  /** The next transaction, its changes unread. */
  async next(): Promise<Transaction> {
    const result = await inTime(this.#iterator.next(), this.subscription);
    if (result.done === true) throw new Error('The subscription has ended.');
    return result.value;
  }

  /** The next transaction with all its changes. */
  async take(): Promise<ReadTransaction> {
    const transaction = await this.next();
    const changes = await inTime(transaction.all(), this.subscription);
    const { id, commitTime, checkpoint } = transaction;
    return { id, commitTime, changes, checkpoint };
  }

  /** All transactions up to the one with this id, which must come. */
  async until(id: string): Promise<ReadTransaction[]> {
    const read: ReadTransaction[] = [];
    do read.push(await this.take());
    while (read.at(-1)!.id !== id);
    return read;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.subscription.close();
  }
}

async function inTime<T>(promise: Promise<T>, subscription: Subscription): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = (): void =>
      reject(new Error(`Nothing in time; the subscription is ${JSON.stringify(subscription.status())}`));
    timer = setTimeout(fail, deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
