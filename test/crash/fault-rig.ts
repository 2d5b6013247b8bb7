import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Flavour } from '../support/database-server.js';
import { startHub, type TestHub } from '../support/hub.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { Reading } from '../support/reading.js';
import { StoreCommand } from '../support/store-command.js';
import { levelFiles } from '../support/strace.js';
import { idsByLsn } from './log-contents.js';

const folder = 'store';

/**
 * A source that is written to, a reader of it, and a store between them that meets faults of the system. After each of
 * them the reader gets exactly what was committed, and so does the log.
 */
export class FaultRig implements AsyncDisposable {
  readonly hub: TestHub;
  readonly ledger: Ledger;
  readonly #reading: Reading;
  readonly #settings: Record<string, unknown>;
  /** How many of the ledger's transactions have been read and compared. */
  #done = 0;

  private constructor(hub: TestHub, ledger: Ledger, reading: Reading) {
    this.hub = hub;
    this.ledger = ledger;
    this.#reading = reading;
    this.#settings = hub.storeSettings({ folder, log: { syncInterval: '50ms' } });
  }

  static async start(flavour: Flavour): Promise<FaultRig> {
    const hub = await startHub({ flavour, stores: [] });
    const ledger = await Ledger.open(hub.source);
    const tables = ['shop.orders', 'shop.buyers'];
    const reading = new Reading((await hub.connect()).subscribe('shop', { from: 'earliest', tables }));
    return new FaultRig(hub, ledger, reading);
  }

  get directory(): string {
    return this.hub.folder.file(folder);
  }

  /** @param settings that differ from those of the other stores */
  async store(
    options: Parameters<typeof StoreCommand.start>[2] = {},
    settings: Record<string, unknown> = {},
  ): Promise<StoreCommand> {
    return await StoreCommand.start(this.hub, { ...this.#settings, ...settings }, options);
  }

  /** The reader gets every transaction once, as it was committed, in order. */
  async expectNext(): Promise<void> {
    const { ledger } = this;
    const read = rowTransactions(await this.#reading.until(ledger.lastId));
    expectSame(read, ledger.transactions.slice(this.#done));
    this.#done += read.length;
  }

  /** What is in the log, which no store has open, is what was committed: nothing missing, nothing twice, in order. */
  async expectLog(): Promise<void> {
    const ids = await idsByLsn(this.directory);
    expectSame(
      [...ids.keys()],
      Array.from({ length: ids.size }, (_, index) => index + 1),
    );
    const { transactions } = this.ledger;
    // The ledger's definitions come first.
    expectSame(
      [...ids.values()].slice(-transactions.length),
      transactions.map(({ id }) => id),
    );
  }

  /** A store that the kernel kills at this call of it, and another that goes on behind it. */
  async expectSurvives(call: string, when: number): Promise<void> {
    const files = call === 'write' ? { files: levelFiles(this.directory) } : {};
    const fault = { calls: call, what: `signal=SIGKILL:when=${when}`, ...files };
    await using store = await this.store({ fault });
    for (let round = 0; !store.hasEnded; round++) {
      await this.ledger.write(3);
      // Of many chunks.
      if (round % 9 === 4) await this.ledger.transact(400);
      await sleep(15);
      if (round === 400) throw new Error(`The store never comes to ${call} ${when}.`);
    }
    expectSame(await store.ended(), 'SIGKILL');
    await this.ledger.write(2);
    {
      await using _next = await this.store();
      await this.expectNext();
    }
    await this.expectLog();
  }

  /** A store to which a call fails: it opens its log again by itself, and captures from what that holds. */
  async expectReopens(calls: string, what: string, endings?: readonly string[]): Promise<void> {
    const files = endings === undefined ? {} : { files: levelFiles(this.directory, endings) };
    await using store = await this.store({ fault: { calls, what, ...files } });
    for (let round = 0; !store.logged.includes('LOG_WRITE_FAILED'); round++) {
      await this.ledger.write(3);
      await sleep(20);
      if (round === 300 || store.hasEnded) throw new Error(`The store meets no ${what}:\n${store.stderr}`);
    }
    await this.ledger.write(5);
    await store.logs('started', 2);
    await this.expectNext();
    expectSame(store.hasEnded, false);
    store.kill('SIGTERM');
    await store.ended();
    await this.expectLog();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ledger[Symbol.asyncDispose]();
    await this.hub[Symbol.asyncDispose]();
  }
}

function expectSame<Value>(found: Value, wanted: Value): void {
  expect(found).toEqual(wanted);
}
