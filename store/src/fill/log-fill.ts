import { setTimeout as sleep } from 'node:timers/promises';
import { DrcError, isDrcError, type ErrorCode, type Transport } from '@drc/protocol';
import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import type { LogCopy } from '../log/copy/log-copy.js';
import { entryBytes, type PageEnd } from '../log/copy/entry-stream.js';
import type { BytePace } from '../byte-pace.js';
import { SisterPage } from './sister-page.js';
import type { Sister, Sisters } from './sisters.js';

export interface LogFillOptions {
  readonly topic: string;
  readonly copy: LogCopy;
  readonly sisters: () => Promise<Sisters>;
  /** For the other stores: `wss` is checked as the managers' certificates are. */
  readonly transport: () => Promise<Transport>;
  readonly pace: BytePace;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Kill points of crash tests. */
  readonly at?: ((point: string) => unknown) | undefined;
}

/** How far a fill has come. */
export interface FillProgress {
  /** The store that is copied; undefined while none is known. */
  readonly store: string | undefined;
  /** The last transaction that was copied, and the newest of the other log. */
  readonly lsn: number;
  readonly ofLsn: number;
  readonly bytes: number;
}

/** What may be over when it is tried again. */
const passing: readonly ErrorCode[] = ['WRONG_STORE', 'TICKET_REVOKED', 'RATE_LIMITED', 'FRAME_CORRUPT'];
const firstPauseMs = 250;
const longestPauseMs = 10_000;
/** For so long the store is waited for of which a part is copied already. */
const sisterWaitMs = 60_000;
/** A store that sends what is not sound is asked so often. */
const attemptsOfOne = 3;
/** A ticket is used up to so long before its end. */
const ticketSpareMs = 10_000;
const progressMs = 10_000;

/**
 * Fills an empty log from another store of the topic, page by page, for as long as it takes: stores that go away are waited
 * for, a log that was trimmed beyond what is copied is begun with anew.
 */
export class LogFill {
  readonly #options: LogFillOptions;
  /** By lineage, how often a store sent what was not sound. */
  readonly #faults = new Map<string, number>();
  #sisters: Sisters | undefined;
  #store: string | undefined;
  #ofLsn = 0;
  /** When the store that was begun with was missed first, on the monotonic clock. */
  #missedAt: number | undefined;
  #failures = 0;
  #lastCode: ErrorCode | undefined;
  #toldAt = -Infinity;

  constructor(options: LogFillOptions) {
    this.#options = options;
  }

  get progress(): FillProgress {
    const { copy } = this.#options;
    const lsn = Math.max(0, (copy.next?.lsn ?? 1) - 1);
    return { store: this.#store, lsn, ofLsn: Math.max(lsn, this.#ofLsn), bytes: copy.bytes };
  }

  /**
   * @returns false where no other store of the topic is alive: nothing was filled
   * @throws DrcError what managers or stores refuse it with for good; `LOG_CORRUPT` where every other store sends what is not
   * sound; `LOG_WRITE_FAILED`; the signal's reason
   */
  async run(): Promise<boolean> {
    const { signal } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      try {
        const end = await this.#step();
        if (end === 'none') return false;
        if (end === 'head') return true;
        this.#failures = 0;
      } catch (error) {
        signal.throwIfAborted();
        await this.#failed(error);
      }
    }
  }

  async #step(): Promise<PageEnd | 'none'> {
    const { copy, clock, sisters } = this.#options;
    if (this.#sisters === undefined || this.#sisters.ticketExpiresAt - clock.now() < ticketSpareMs)
      this.#sisters = await sisters();
    const { stores, complete, ticket } = this.#sisters;
    const sister = this.#choose(stores);
    if (sister !== undefined) return await this.#copyPage(sister, ticket);
    if (stores.length === 0 && complete && copy.of === undefined) return 'none';
    const isAlone = stores.length === 0 && complete && this.#hasWaited;
    if (isAlone) {
      await copy.startOver();
      return 'none';
    }
    throw new DrcError(
      'STORE_UNAVAILABLE',
      'The store whose log is copied, or any other one of the topic, does not answer yet.',
    );
  }

  /** The one that was begun with, while it may come back; else the best. */
  #choose(stores: readonly Sister[]): Sister | undefined {
    const { copy, clock } = this.#options;
    const sound = stores.filter(({ lineage }) => (this.#faults.get(lineage) ?? 0) < attemptsOfOne);
    if (sound.length === 0 && stores.length > 0)
      throw new DrcError('LOG_CORRUPT', 'What the other stores of the topic send is not sound.');
    if (copy.of === undefined) return sound[0];
    const begunWith = sound.find(({ lineage }) => lineage === copy.of);
    const isBad = stores.some(({ lineage }) => lineage === copy.of) && begunWith === undefined;
    if (begunWith !== undefined) this.#missedAt = undefined;
    else this.#missedAt ??= clock.monotonic();
    return begunWith ?? (isBad || this.#hasWaited ? sound[0] : undefined);
  }

  get #hasWaited(): boolean {
    return this.#missedAt !== undefined && this.#options.clock.monotonic() - this.#missedAt >= sisterWaitMs;
  }

  async #copyPage(sister: Sister, ticket: string): Promise<PageEnd> {
    const { copy, topic, transport, signal, logger, pace, at } = this.#options;
    const { of: lineage, next: cursor } = copy;
    const isSame = lineage === sister.lineage && cursor !== undefined;
    using page = await SisterPage.request({
      ...(await transport()),
      address: sister.address,
      topic,
      ticket,
      from: isSame ? { lineage, cursor } : undefined,
      signal,
    });
    if (isSame && page.lineage !== lineage)
      throw new DrcError('WRONG_STORE', `The store at ${sister.address} has another log now.`);
    if (this.#store !== sister.id)
      logger.info(
        { store: sister.id, address: sister.address, lsn: cursor?.lsn },
        'filling the log from another store',
      );
    this.#store = sister.id;
    this.#ofLsn = page.headLsn;
    if (!isSame && copy.of !== undefined) await copy.startOver();
    await copy.pageBegins(page.lineage);
    const entries = page.entries(signal);
    for (;;) {
      const next = await entries.next();
      if (next.done === true) return next.value;
      await this.#sound(page.lineage, () => copy.take(next.value));
      await at?.('fill.entry');
      this.#tell();
      await pace.took(entryBytes(next.value), signal);
    }
  }

  async #sound(lineage: string, take: () => Promise<void>): Promise<void> {
    try {
      await take();
    } catch (error) {
      if (isDrcError(error, 'LOG_CORRUPT')) {
        this.#faults.set(lineage, (this.#faults.get(lineage) ?? 0) + 1);
        throw new DrcError('FRAME_CORRUPT', error.message, error.details, { cause: error });
      }
      throw error;
    }
  }

  /** Waits, where it may pass. @throws what may not */
  async #failed(error: unknown): Promise<void> {
    const { copy, logger, signal } = this.#options;
    if (!(error instanceof DrcError)) throw error;
    if (error.code === 'RETENTION_EXPIRED') await copy.startOver();
    else if (!error.retryable && !passing.includes(error.code)) throw error;
    this.#sisters = undefined;
    // Once for each new reason.
    if (this.#lastCode !== error.code)
      logger.warn({ code: error.code, reason: error.message }, 'Filling the log waits');
    this.#lastCode = error.code;
    const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(this.#failures++, 20));
    await sleep(longest / 2 + (Math.random() * longest) / 2, undefined, { signal }).catch(() => undefined);
  }

  #tell(): void {
    const { clock, logger } = this.#options;
    if (clock.monotonic() - this.#toldAt < progressMs) return;
    this.#toldAt = clock.monotonic();
    logger.info({ ...this.progress }, 'the log is being filled');
  }
}
