import { schemaIdOf, type TableVersion } from '@drc/protocol';
import type { GroupLog } from './group-log.js';

/**
 * A log that keeps nothing: capture's own assembler writes to it, to find out what capture would do with the next
 * transaction. It knows what the log has.
 */
export class TrialLog implements GroupLog {
  readonly #log: Pick<GroupLog, 'capture' | 'isPrepared'>;
  #chunks = 0;
  #hasEnded = false;

  constructor(log: Pick<GroupLog, 'capture' | 'isPrepared'>) {
    this.#log = log;
  }

  get capture(): GroupLog['capture'] {
    return this.#log.capture;
  }

  /** Whether a transaction was taken to its end. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get openGroupChunks(): number {
    return this.#chunks;
  }

  registerTable(version: TableVersion): Buffer {
    return schemaIdOf(version);
  }

  raiseTime(): void {}

  beginGroup(): void {
    this.#chunks = 0;
  }

  setOrigin(): void {}

  putChunk(): void {
    this.#chunks++;
  }

  truncateGroup(chunks: number): void {
    this.#chunks = chunks;
  }

  endGroup(): void {
    this.#hasEnded = true;
  }

  abandonGroup(): void {
    this.#chunks = 0;
  }

  prepareGroup(): void {}

  endPrepare(): void {
    this.#hasEnded = true;
  }

  async endPreparedAtOnce(): Promise<void> {
    this.#hasEnded = true;
  }

  isPrepared(xid: string): boolean {
    return this.#log.isPrepared(xid);
  }

  async commitPrepared(): Promise<void> {
    this.#hasEnded = true;
  }

  rollBackPrepared(): void {}

  movePosition(): void {}
}
