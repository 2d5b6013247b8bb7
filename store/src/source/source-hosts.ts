import type { DrcError, ErrorCode } from '@drc/protocol';
import type { SourceOptions } from './source-options.js';

/** What is wrong with one server of a topology and need not be with the next. */
const hostFaults: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SOURCE_CONFIG',
  'SOURCE_PRIVILEGE',
  'SOURCE_CHANGED',
  'SOURCE_HISTORY_CHANGED',
  'SERVER_ID_IN_USE',
  'BINLOG_PURGED',
  'GTID_PURGED',
  'BINLOG_POSITION',
  'BINLOG_RESET',
]);

/**
 * The servers that can be captured from, one at a time: after a failure the next one's turn comes. One that refused for
 * good is passed over until another has been captured from; when all have, that is the end.
 */
export class SourceHosts {
  readonly #hosts: readonly SourceOptions[];
  readonly #refused = new Set<number>();
  readonly areSeveral: boolean;
  #index = 0;

  constructor(source: SourceOptions) {
    this.areSeveral = source.others !== undefined;
    this.#hosts = [source, ...(source.others ?? []).map((address) => ({ ...source, ...address }))];
  }

  get current(): SourceOptions {
    return this.#hosts[this.#index]!;
  }

  connected(): void {
    this.#refused.clear();
  }

  /** @returns whether there is something left to try */
  failed(error: DrcError): boolean {
    if (!error.retryable) {
      if (!hostFaults.has(error.code)) return false;
      this.#refused.add(this.#index);
    }
    if (this.#refused.size === this.#hosts.length) return false;
    do this.#index = (this.#index + 1) % this.#hosts.length;
    while (this.#refused.has(this.#index));
    return true;
  }
}
