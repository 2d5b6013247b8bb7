import { DrcError, type LogExtent } from '@drc/protocol';
import type { Clock } from './clock.js';

/** What a store says of itself, again before each lease is over. */
export interface StoreAnnouncement {
  /** Unique within the topic. */
  readonly id: string;
  /** Where clients find it, e.g. `ws://127.0.0.1:7380`. */
  readonly address: string;
  readonly extent: LogExtent;
  /** `streaming` when all is well; else what keeps it from capturing. */
  readonly captureState: string;
}

interface Lease {
  readonly announcement: StoreAnnouncement;
  readonly key: string;
  /** On the monotonic clock. */
  readonly endsAt: number;
}

/** More stores of one topic than anybody runs; a store key that goes wild must not fill the memory. */
const maxStoresPerTopic = 64;

/**
 * The stores that are alive: those that announced themselves within the last lease. In memory only: stores announce
 * again within a third of a lease, so a manager that was started anew knows them all soon.
 */
export class StoreDirectory {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #topics = new Map<string, Map<string, Lease>>();

  constructor(options: { clock: Clock; leaseMs: number }) {
    this.#clock = options.clock;
    this.#leaseMs = options.leaseMs;
  }

  /**
   * Begins or extends a lease. While a lease lasts, another key cannot put another log or address under the same id:
   * `FORBIDDEN`.
   */
  announce(topic: string, key: string, announcement: StoreAnnouncement): void {
    const leases = this.#alive(topic);
    const old = leases.get(announcement.id);
    if (old === undefined && leases.size >= maxStoresPerTopic) {
      throw new DrcError(
        'FORBIDDEN',
        `The topic ${topic} has ${maxStoresPerTopic} stores; no more are taken.`,
        { topic },
      );
    }
    if (old !== undefined && old.key !== key && !isSameStore(old.announcement, announcement)) {
      throw new DrcError(
        'FORBIDDEN',
        `Another store of the topic ${topic} is alive under the id ${announcement.id}. Give this one an id of its own.`,
        { topic, id: announcement.id },
      );
    }
    leases.set(announcement.id, { announcement, key, endsAt: this.#clock.monotonic() + this.#leaseMs });
    this.#topics.set(topic, leases);
  }

  /** A store says goodbye. One that is not there is gone already; that of another key is `FORBIDDEN`. */
  withdraw(topic: string, id: string, key: string): void {
    const leases = this.#alive(topic);
    const old = leases.get(id);
    if (old === undefined) return;
    if (old.key !== key) {
      throw new DrcError('FORBIDDEN', `The store ${id} was announced with another key.`, { topic, id });
    }
    leases.delete(id);
  }

  /** Those whose lease lasts. */
  storesOf(topic: string): readonly StoreAnnouncement[] {
    return [...this.#alive(topic).values()].map((lease) => lease.announcement);
  }

  #alive(topic: string): Map<string, Lease> {
    const leases = this.#topics.get(topic) ?? new Map<string, Lease>();
    const now = this.#clock.monotonic();
    for (const [id, lease] of leases) if (lease.endsAt <= now) leases.delete(id);
    return leases;
  }
}

const isSameStore = (a: StoreAnnouncement, b: StoreAnnouncement): boolean =>
  a.address === b.address && a.extent.lineage === b.extent.lineage;
