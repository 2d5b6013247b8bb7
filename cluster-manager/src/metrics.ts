import { Counter, Gauge, Histogram, Registry as PromRegistry, collectDefaultMetrics } from 'prom-client';

/** What the manager counts, under `drc_manager_`. The only place that knows of prom-client. */
export class ManagerMetrics {
  readonly #registry = new PromRegistry();
  readonly #logins = new Counter({
    name: 'drc_manager_logins_total',
    help: 'Logins, by outcome: ok, or the code of the refusal.',
    labelNames: ['outcome'] as const,
    registers: [this.#registry],
  });
  readonly #refusals = new Counter({
    name: 'drc_manager_refusals_total',
    help: 'Requests that were refused, by code.',
    labelNames: ['code'] as const,
    registers: [this.#registry],
  });
  readonly #tickets = new Counter({
    name: 'drc_manager_tickets_total',
    help: 'Tickets issued, by topic.',
    labelNames: ['topic'] as const,
    registers: [this.#registry],
  });
  readonly #announcements = new Counter({
    name: 'drc_manager_announcements_total',
    help: 'Announcements of stores, by topic.',
    labelNames: ['topic'] as const,
    registers: [this.#registry],
  });
  readonly #requests = new Histogram({
    name: 'drc_manager_request_seconds',
    help: 'Time to answer a request, by route and status.',
    labelNames: ['route', 'status'] as const,
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2],
    registers: [this.#registry],
  });

  /**
   * Both are asked at each scrape.
   * @param countStores the living stores by topic
   * @param registryAgeSeconds how old what the registry answers is; 0 while it is live
   */
  constructor(
    countStores: () => Promise<ReadonlyMap<string, number>>,
    registryAgeSeconds: () => number = () => 0,
  ) {
    collectDefaultMetrics({ register: this.#registry });
    this.#registry.registerMetric(
      new Gauge({
        name: 'drc_manager_registry_age_seconds',
        help: 'For how long the manager has been cut off from its registry, and so answers what it knew then; 0 while it is not.',
        registers: [],
        collect() {
          this.set(registryAgeSeconds());
        },
      }),
    );
    this.#registry.registerMetric(
      new Gauge({
        name: 'drc_manager_stores',
        help: 'Stores that are alive, by topic.',
        labelNames: ['topic'] as const,
        registers: [],
        async collect() {
          this.reset();
          for (const [topic, stores] of await countStores()) this.set({ topic }, stores);
        },
      }),
    );
  }

  login(outcome: string): void {
    this.#logins.inc({ outcome });
  }

  refused(code: string): void {
    this.#refusals.inc({ code });
  }

  ticket(topic: string): void {
    this.#tickets.inc({ topic });
  }

  announced(topic: string): void {
    this.#announcements.inc({ topic });
  }

  /** @param route the pattern, never the address asked for: that would be a label of any value */
  answered(route: string, status: number, seconds: number): void {
    this.#requests.observe({ route, status: String(status) }, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
