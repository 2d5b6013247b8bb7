import type { Clock } from '../clock.js';
import { SourceControl } from './source-control.js';
import type { SourceOptions } from './source-options.js';
import type { TableFilter } from './table-filter.js';

const patienceMs = 3_000;
/** For so long a list of all tables is good for whoever asks next: anybody may ask with a glob. */
const listedMs = 10_000;

/** Which tables the source has now: a subscription may name one that has not been written to yet. */
export class SourceTables {
  readonly #source: () => SourceOptions;
  readonly #filter: TableFilter;
  readonly #clock: Clock;
  #listed: { readonly at: number; readonly names: Promise<readonly string[] | undefined> } | undefined;

  /** @param source the server that is captured from at the moment */
  constructor(source: () => SourceOptions, filter: TableFilter, clock: Clock) {
    this.#source = source;
    this.#filter = filter;
    this.#clock = clock;
  }

  /** @param name `schema.table`. True also while the source cannot be asked: then nobody knows better. */
  async has(name: string): Promise<boolean> {
    if (!this.#filter.capturesName(name)) return false;
    const dot = name.indexOf('.');
    try {
      await using control = await SourceControl.connect(this.#source(), AbortSignal.timeout(patienceMs));
      const found = await control.value(
        'SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
        [name.slice(0, dot), name.slice(dot + 1)],
      );
      return found !== undefined;
    } catch {
      return true;
    }
  }

  /** Whether one of them matches; of names `schema.table`. True also while the source cannot be asked. */
  async some(matches: (name: string) => boolean): Promise<boolean> {
    const now = this.#clock.monotonic();
    if (this.#listed === undefined || now - this.#listed.at > listedMs)
      this.#listed = { at: now, names: this.#list() };
    const names = await this.#listed.names;
    return names === undefined || names.some((name) => this.#filter.capturesName(name) && matches(name));
  }

  async #list(): Promise<readonly string[] | undefined> {
    try {
      await using control = await SourceControl.connect(this.#source(), AbortSignal.timeout(patienceMs));
      const rows = await control.rows(
        'SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.TABLES',
      );
      return rows.map(({ s, t }) => `${String(s)}.${String(t)}`);
    } catch {
      return undefined;
    }
  }
}
