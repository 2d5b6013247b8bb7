import type { ReaderReport, ReaderReports } from '@drc/protocol';
import type { Clock } from './clock.js';

export interface LiveReader extends ReaderReport {
  readonly topic: string;
  readonly store: string;
}

interface Kept extends ReaderReports {
  /** On the monotonic clock. */
  readonly endsAt: number;
}

/** For how long what a store told is believed, ms: it tells every three seconds. */
const keptMs = 15_000;

/** The sessions of the stores, as these told lately. In memory only, as the stores themselves. */
export class LiveReaders {
  readonly #clock: Clock;
  /** By topic, then by store, then by part. */
  readonly #topics = new Map<string, Map<string, Map<number, Kept>>>();

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  /** Takes the place of what this store said in the same part before, and of the parts that it has no more. */
  report(topic: string, store: string, reports: ReaderReports): void {
    const stores = this.#alive(topic);
    const parts = stores.get(store) ?? new Map<number, Kept>();
    for (const part of parts.keys()) if (part >= reports.parts) parts.delete(part);
    parts.set(reports.part, { ...reports, endsAt: this.#clock.monotonic() + keptMs });
    stores.set(store, parts);
    this.#topics.set(topic, stores);
  }

  /** The store is gone, and its sessions with it. */
  forget(topic: string, store: string): void {
    this.#topics.get(topic)?.delete(store);
  }

  of(topic: string): readonly LiveReader[] {
    return [...this.#alive(topic)].flatMap(([store, parts]) =>
      [...parts.values()].flatMap(({ readers }) => readers.map((reader) => ({ ...reader, topic, store }))),
    );
  }

  /** How long at least one of the stores keeps what is in its log, ms; undefined where none told. */
  retentionMs(topic: string): number | undefined {
    const told = [...this.#alive(topic).values()].flatMap((parts) =>
      [...parts.values()].map(({ retentionMs }) => retentionMs),
    );
    return told.length === 0 ? undefined : Math.max(...told);
  }

  #alive(topic: string): Map<string, Map<number, Kept>> {
    const stores = this.#topics.get(topic) ?? new Map<string, Map<number, Kept>>();
    const now = this.#clock.monotonic();
    for (const [store, parts] of stores) {
      for (const [part, { endsAt }] of parts) if (endsAt <= now) parts.delete(part);
      if (parts.size === 0) stores.delete(store);
    }
    return stores;
  }
}
