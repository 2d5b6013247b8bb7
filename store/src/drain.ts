import { TransactionSet } from '@drc/protocol';
import type { Logger } from 'pino';

/** Another store of the topic that a manager knows of, to which readers can go. */
export interface OtherStore {
  readonly id: string;
  /** What its log no longer has: who has all of it finds there what comes next. */
  readonly setBeforeOldest: string;
}

/** What an operator sees of it. */
export interface DrainStatus {
  readonly draining: boolean;
  /** Sessions that are open. */
  readonly readers: number;
  /** Of them, those that no other store has the place of, when that was last looked at. */
  readonly staying: number;
  /** Other stores that readers can go to; undefined: no manager has answered yet. */
  readonly otherStores: number | undefined;
  /** Whether the store stops when no reader is left. */
  readonly stops: boolean;
}

export interface DrainOptions {
  readonly executedBefore: (lsn: number) => Promise<TransactionSet>;
  /** Ends each session that `canGo` holds of at the end of its transaction. @returns how many stay. */
  readonly moveSessions: (canGo: (lsn: number) => Promise<boolean>) => Promise<number>;
  readonly readers: () => number;
  /** Tells the managers now. */
  readonly announce: () => void;
  readonly logger: Logger;
  /** Default: the monotonic clock, ms. */
  readonly now?: () => number;
}

/** How often it looks whether readers are left, ms. */
const lookMs = 200;
/** After a time without its source a store waits so long for its own return before readers go to one that was faster, ms. */
const patienceMs = 10_000;

/**
 * Moves a store's readers to the other stores of its topic: because an operator says so, or because its own log stands still
 * while others go on. Only whom another store can serve is sent away, and that is
 * looked at with each answer of a manager: so nobody is sent away for nothing, and whoever has to stay goes once there is a
 * place to go to.
 */
export class Drain implements Disposable {
  readonly #options: DrainOptions;
  #isOrdered = false;
  #isStill = false;
  /** Since when managers name other stores that go on. */
  #othersSince: number | undefined;
  #stops = false;
  #staying = 0;
  #otherStores: number | undefined;
  #looking: NodeJS.Timeout | undefined;
  #moving: Promise<void> | undefined;
  #resolveEmptied: () => void = () => undefined;
  /** Resolves when no reader is left of a drain that was to end so. */
  readonly emptied = new Promise<void>((resolve) => (this.#resolveEmptied = resolve));

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get isDraining(): boolean {
    return this.#isOrdered || this.#isStill;
  }

  get status(): DrainStatus {
    return {
      draining: this.isDraining,
      readers: this.#options.readers(),
      staying: this.isDraining ? this.#staying : 0,
      otherStores: this.isDraining ? this.#otherStores : undefined,
      stops: this.#stops,
    };
  }

  /** @param stops whether `emptied` is to resolve when no reader is left. Beginning twice is fine. */
  begin(stops: boolean): void {
    if (!this.#isOrdered)
      this.#options.logger.info({ readers: this.#options.readers() }, 'Draining: readers are moved away');
    if (!this.isDraining) this.#otherStores = undefined;
    this.#isOrdered = true;
    this.#stops ||= stops;
    if (this.#stops) this.#looking ??= setInterval(() => this.#look(), lookMs);
    this.#options.announce();
  }

  /** Takes readers again. Who has left does not come back because of it. */
  undo(): void {
    if (this.#isOrdered) this.#options.logger.info('Draining was taken back');
    this.#isOrdered = false;
    this.#stops = false;
    if (!this.isDraining) this.#staying = 0;
    this[Symbol.dispose]();
    this.#options.announce();
  }

  /** To be told with each announcement whether the log stands still: what is announced then says so. */
  standstill(isStill: boolean): void {
    if (isStill === this.#isStill) return;
    const { logger, readers } = this.#options;
    if (isStill)
      logger.warn({ readers: readers() }, 'The log stands still: readers go where another does not');
    else logger.info('The log goes on');
    if (!this.isDraining) this.#otherStores = undefined;
    this.#isStill = isStill;
    this.#othersSince = undefined;
    if (!this.isDraining) this.#staying = 0;
  }

  /** A manager that knows of the drain tells where readers can go. */
  heard(others: readonly OtherStore[]): void {
    if (!this.isDraining || this.#moving !== undefined) return;
    this.#otherStores = others.length;
    if (others.length === 0) this.#othersSince = undefined;
    else this.#othersSince ??= this.#now();
    if (!this.#isOrdered && this.#now() - (this.#othersSince ?? Infinity) < patienceMs) return;
    this.#moving = this.#move(others)
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, 'Readers could not be moved'))
      .finally(() => (this.#moving = undefined));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #now(): number {
    return this.#options.now?.() ?? performance.now();
  }

  async #move(others: readonly OtherStore[]): Promise<void> {
    const missing = others.map(({ setBeforeOldest }) => TransactionSet.parse(setBeforeOldest));
    /** Most readers stand at the head. */
    const known = new Map<number, Promise<boolean>>();
    const canGo = (lsn: number): Promise<boolean> => {
      const answer = known.get(lsn) ?? this.#covers(missing, lsn);
      known.set(lsn, answer);
      return answer;
    };
    this.#staying = await this.#options.moveSessions(canGo);
  }

  async #covers(missing: readonly TransactionSet[], lsn: number): Promise<boolean> {
    if (missing.length === 0 || !this.isDraining) return false;
    const executed = await this.#options.executedBefore(lsn);
    return missing.some((set) => set.isSubsetOf(executed));
  }

  #look(): void {
    if (!this.#isOrdered || this.#options.readers() > 0) return;
    this.#options.logger.info('No reader is left');
    this[Symbol.dispose]();
    this.#resolveEmptied();
  }
}
