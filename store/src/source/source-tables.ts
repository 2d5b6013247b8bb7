import { SourceControl } from './source-control.js';
import type { SourceOptions } from './source-options.js';
import type { TableFilter } from './table-filter.js';

const patienceMs = 3_000;

/** Which tables the source has now: a subscription may name one that has not been written to yet. */
export class SourceTables {
  readonly #source: () => SourceOptions;
  readonly #filter: TableFilter;

  /** @param source the server that is captured from at the moment */
  constructor(source: () => SourceOptions, filter: TableFilter) {
    this.#source = source;
    this.#filter = filter;
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
}
