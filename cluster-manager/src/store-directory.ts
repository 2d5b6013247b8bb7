import { DrcError, type LogExtent } from '@drc/protocol';
import type { Clock } from './clock.js';

/** What a store says of itself, again before each lease is over. */
export interface StoreAnnouncement {
  /** Unique within the topic. */
  readonly id: string;
  /** Where clients find it, e.g. `wss://store-1.internal:7380`. */
  readonly address: string;
  readonly extent: LogExtent;
  /** `streaming` when all is well; else what keeps it from capturing. */
  readonly captureState: string;
  /** Of the tables and columns that it captures. Absent: of a version that does not tell. */
  readonly captureDigest?: string | undefined;
  /** Whether an operator moves its readers away. Absent: no. */
  readonly draining?: boolean | undefined;
  /** Absent: of a version that does not tell. */
  readonly load?: StoreLoad | undefined;
}

/** A store whose lease lasts. */
export interface AliveStore extends StoreAnnouncement {
  /**
   * How far its head was behind the newest that was known when it announced itself, ms. Not compared at any other moment: after a
   * pause of the source the first store to announce what came then would make all others look as far behind as the pause was long.
   * Absent: it was not.
   */
  readonly behindMs?: number;
}

/** What a store has to do. */
export interface StoreLoad {
  readonly sessions: number;
  readonly maxSessions: number;
  /** Of its process, over about the last minute: 1 is one core. */
  readonly cpu: number;
}

interface Lease {
  readonly announcement: AliveStore;
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
  readonly #begunAt: number;

  constructor(options: { clock: Clock; leaseMs: number }) {
    this.#clock = options.clock;
    this.#leaseMs = options.leaseMs;
    this.#begunAt = options.clock.monotonic();
  }

  /** Whether every store that is alive must have announced itself here: what none of them has, nobody has. */
  get hasHeardOfAll(): boolean {
    return this.#clock.monotonic() - this.#begunAt >= this.#leaseMs;
  }

  /**
   * Begins or extends a lease. While a lease lasts, another key cannot put another log or address under the same id:
   * `FORBIDDEN`. A store that captures other tables or columns than the others that are alive: `TOPIC_CONFIG_MISMATCH`.
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
        `Another store of the topic ${topic} is alive under the id ${announcement.id}, which stands in its data folder. Was the folder copied? Begin with an empty one, or stop the other store.`,
        { topic, id: announcement.id },
      );
    }
    mustCaptureTheSame(topic, announcement, leases);
    const alive = { ...announcement, ...behindOf(announcement, leases) };
    leases.set(announcement.id, {
      announcement: alive,
      key,
      endsAt: this.#clock.monotonic() + this.#leaseMs,
    });
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
  storesOf(topic: string): readonly AliveStore[] {
    return [...this.#alive(topic).values()].map((lease) => lease.announcement);
  }

  #alive(topic: string): Map<string, Lease> {
    const leases = this.#topics.get(topic) ?? new Map<string, Lease>();
    const now = this.#clock.monotonic();
    for (const [id, lease] of leases) if (lease.endsAt <= now) leases.delete(id);
    return leases;
  }
}

/** Readers move between the stores of a topic, and must find the same in each of them. */
function mustCaptureTheSame(
  topic: string,
  { id, captureDigest }: StoreAnnouncement,
  leases: ReadonlyMap<string, Lease>,
): void {
  const other = [...leases.values()].find(
    ({ announcement }) =>
      announcement.id !== id &&
      captureDigest !== undefined &&
      announcement.captureDigest !== undefined &&
      announcement.captureDigest !== captureDigest,
  );
  if (other === undefined) return;
  throw new DrcError(
    'TOPIC_CONFIG_MISMATCH',
    `The store ${other.announcement.id} captures other tables or columns of the topic ${topic}.`,
    { topic, id, other: other.announcement.id },
  );
}

function behindOf(
  { id, extent }: StoreAnnouncement,
  leases: ReadonlyMap<string, Lease>,
): { readonly behindMs?: number } {
  const others = [...leases.values()].map(({ announcement }) => announcement).filter((one) => one.id !== id);
  const behindMs = Math.max(0, ...others.map((other) => other.extent.head.time)) - extent.head.time;
  return behindMs > 0 ? { behindMs } : {};
}

const isSameStore = (a: StoreAnnouncement, b: StoreAnnouncement): boolean =>
  a.address === b.address && a.extent.lineage === b.extent.lineage;
