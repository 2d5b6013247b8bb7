import { Counter, Gauge, Registry, collectDefaultMetrics, type Metric } from 'prom-client';
import type { LogExtent } from '@drc/protocol';
import type { CaptureSnapshot, Counts } from './source/capture-counters.js';
import type { ServeCounters } from './serve/serve-counters.js';
import type { SessionStatus } from './serve/session-status.js';

/** What is asked at each scrape. Undefined while the part is not running. */
export interface StoreMetricsSource {
  readonly topic: string;
  /** ms since 1970 */
  now(): number;
  extent(): LogExtent | undefined;
  /** Of the disk; undefined before it was measured. */
  logBytes(): number | undefined;
  /** Transactions of the log that were left out; absent where there is no log. */
  gaps?(): number;
  capture(): CaptureSnapshot | undefined;
  /** One word, such as `streaming`. */
  captureState(): string;
  /** Whether readers are moved away; absent where there are none to move. */
  draining?(): boolean;
  serve(): ServeCounters | undefined;
  sessions(): readonly SessionStatus[];
  /** How many readers read from before the log. */
  backfills?(): number;
  /** Readers that have tables copied, and that wait for their turn; absent where the store copies none. */
  snapshots?(): { readonly active: number; readonly waiting: number };
  /** While an empty log is filled from another store. */
  fill?(): FillFigures;
}

/** How far a fill has come, and of what. */
interface FillFigures {
  readonly lsn: number;
  readonly ofLsn: number;
  readonly bytes: number;
}

type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

const captureStates = ['connecting', 'streaming', 'waiting', 'stopped'] as const;

/**
 * The store's metrics in Prometheus' form, under `drc_store_`. Nothing is counted here: the parts count for themselves
 * in plain numbers, and each scrape reads them. The only place that knows of prom-client.
 */
export class StoreMetrics {
  readonly #registry = new Registry();
  readonly #source: StoreMetricsSource;

  constructor(source: StoreMetricsSource) {
    this.#source = source;
    this.#registry.setDefaultLabels({ topic: source.topic });
    collectDefaultMetrics({ register: this.#registry });
    this.#addLog();
    this.#addCapture();
    this.#addServe();
    this.#addFill();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #addLog(): void {
    const extent = (read: (extent: LogExtent) => number) => (): Sample[] => {
      const now = this.#source.extent();
      return now === undefined ? [] : [[read(now)]];
    };
    // The moment of a log without transactions would be 1970.
    const moment = (read: (extent: LogExtent) => number) => (): Sample[] => {
      const now = this.#source.extent();
      return now === undefined || now.head.time === 0 ? [] : [[read(now)]];
    };
    this.#gauge(
      'head_lsn',
      'The newest transaction in the log.',
      extent(({ head }) => head.lsn),
    );
    this.#gauge(
      'oldest_lsn',
      'The oldest transaction in the log.',
      extent(({ oldest }) => oldest.lsn),
    );
    this.#gauge(
      'log_newest_seconds',
      'Log time of the newest transaction, seconds since 1970.',
      moment(({ head }) => head.time / 1000),
    );
    this.#gauge(
      'log_oldest_seconds',
      'Log time of the oldest transaction, seconds since 1970.',
      moment(({ oldest }) => oldest.time / 1000),
    );
    this.#gauge('log_bytes', 'What the log took of the disk at the last retention pass.', () => {
      const bytes = this.#source.logBytes();
      return bytes === undefined ? [] : [[bytes]];
    });
    this.#gauge('draining', '1 while readers are moved to other stores.', () => {
      const draining = this.#source.draining?.();
      return draining === undefined ? [] : [[Number(draining)]];
    });
    this.#gauge('gaps', 'Transactions in the log that were left out: a GAP stands in their place.', () => {
      const gaps = this.#source.gaps?.();
      return gaps === undefined ? [] : [[gaps]];
    });
    this.#gauge(
      'log_age_seconds',
      'Time since the newest transaction entered the log; grows while the source is idle, too.',
      moment(({ head }) => Math.max(0, this.#source.now() - head.time) / 1000),
    );
  }

  #addCapture(): void {
    const states = (): Sample[] => {
      const present = this.#source.captureState();
      const all = new Set<string>([...captureStates, present]);
      return [...all].map((state) => [state === present ? 1 : 0, { state }]);
    };
    this.#gauge('capture_state', 'What capture does: 1 for the present state.', states, ['state']);
    const total = (read: (snapshot: CaptureSnapshot) => Sample[]) => (): Sample[] => {
      const snapshot = this.#source.capture();
      return snapshot === undefined ? [] : read(snapshot);
    };
    this.#counter(
      'captured_transactions_total',
      'Transactions stored.',
      total((s) => [[s.transactions]]),
    );
    this.#counter(
      'captured_bytes_total',
      'Bytes of events read from the source.',
      total((s) => [[s.bytes]]),
    );
    this.#counter(
      'source_disconnects_total',
      'Connections to the source lost.',
      total((s) => [[s.disconnects]]),
    );
    this.#counter(
      'captured_events_total',
      'Events read from the source, by type and by what became of them.',
      total((s) => outcomes(s.events, 'event')),
      ['event', 'outcome'],
    );
    this.#counter(
      'captured_rows_total',
      'Rows read from the source, by table and by what became of them.',
      total((s) => outcomes(s.tables, 'table')),
      ['table', 'outcome'],
    );
  }

  #addServe(): void {
    this.#gauge(
      'sessions',
      'Readers connected, by state.',
      () =>
        [...countBy(this.#source.sessions(), ({ state }) => state)].map(
          ([state, count]): Sample => [count, { state }],
        ),
      ['state'],
    );
    this.#gauge('backfills', 'Readers that read from before the log, from the source.', () => {
      const count = this.#source.backfills?.();
      return count === undefined ? [] : [[count]];
    });
    this.#gauge(
      'snapshot_readers',
      'Readers that have tables copied from the source, and those that wait for their turn.',
      () => {
        const readers = this.#source.snapshots?.();
        return readers === undefined
          ? []
          : [
              [readers.active, { state: 'copying' }],
              [readers.waiting, { state: 'waiting' }],
            ];
      },
      ['state'],
    );
    const total = (read: (counters: ServeCounters) => number) => (): Sample[] => {
      const counters = this.#source.serve();
      return counters === undefined ? [] : [[read(counters)]];
    };
    this.#counter(
      'sent_bytes_total',
      'Bytes of data frames sent.',
      total((c) => c.bytes),
    );
    this.#counter(
      'sent_frames_total',
      'Data frames sent.',
      total((c) => c.frames),
    );
    this.#counter(
      'sent_transactions_total',
      'Transactions given to readers.',
      total((c) => c.transactions),
    );
    this.#counter(
      'sent_rows_total',
      'Rows given to readers.',
      total((c) => c.rows),
    );
    this.#counter(
      'skipped_transactions_total',
      'Transactions of which nothing was left for a reader.',
      total((c) => c.transactionsSkipped),
    );
    this.#counter(
      'sessions_total',
      'Sessions opened.',
      total((c) => c.sessionsOpened),
    );
    this.#counter(
      'refusals_total',
      'Connections, requests and sessions refused or ended, by reason.',
      () => [...(this.#source.serve()?.refusals ?? [])].map(([reason, count]): Sample => [count, { reason }]),
      ['reason'],
    );
  }

  #addFill(): void {
    const fill = (read: (fill: FillFigures) => number) => (): Sample[] => {
      const now = this.#source.fill?.();
      return now === undefined ? [] : [[read(now)]];
    };
    this.#gauge(
      'fill_lsn',
      'The last transaction copied from the other store.',
      fill(({ lsn }) => lsn),
    );
    this.#gauge(
      'fill_of_lsn',
      'The newest transaction of the other store.',
      fill(({ ofLsn }) => ofLsn),
    );
    this.#counter(
      'fill_bytes_total',
      'Bytes taken from the other store.',
      fill(({ bytes }) => bytes),
    );
  }

  #gauge(name: string, help: string, read: () => readonly Sample[], labelNames: string[] = []): void {
    this.#register(
      new Gauge({
        name: `drc_store_${name}`,
        help,
        labelNames,
        registers: [],
        collect() {
          this.reset();
          const samples = read();
          // Without labels, reset leaves a zero behind: no figure is not the figure zero.
          if (samples.length === 0 && labelNames.length === 0) this.remove();
          for (const [value, own] of samples) this.set(own ?? {}, value);
        },
      }),
    );
  }

  #counter(name: string, help: string, read: () => readonly Sample[], labelNames: string[] = []): void {
    this.#register(
      new Counter({
        name: `drc_store_${name}`,
        help,
        labelNames,
        registers: [],
        collect() {
          this.reset();
          const samples = read();
          if (samples.length === 0 && labelNames.length === 0) this.remove();
          for (const [value, own] of samples) this.inc(own ?? {}, value);
        },
      }),
    );
  }

  #register(metric: Metric): void {
    this.#registry.registerMetric(metric);
  }
}

function outcomes(counts: Readonly<Record<string, Counts>>, label: string): Sample[] {
  return Object.entries(counts).flatMap(([name, { stored, leftOut }]) => [
    [stored, { [label]: name, outcome: 'stored' }] as const,
    ...Object.entries(leftOut).map(
      ([reason, count]): Sample => [count ?? 0, { [label]: name, outcome: reason }],
    ),
  ]);
}

function countBy<T>(items: readonly T[], key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
