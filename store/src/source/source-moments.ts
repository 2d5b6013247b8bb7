import type { SourcePosition } from '../log/transaction-log.js';
import { binlogFiles, isLaterFile, type BinlogFile } from './first-position.js';
import type { SourceControl } from './source-control.js';

interface Moment {
  /** The source's clock, ms since 1970. */
  readonly time: number;
  /** The end of its newest binlog file, seen after that. */
  readonly end: BinlogFile;
}

/**
 * When transactions were committed at the earliest: whatever stands behind an end that was seen after the source's clock
 * was asked was committed after that. What MariaDB writes into a transaction can be long before: the beginning of its
 * statement, or any value by SET timestamp.
 */
export class SourceMoments {
  readonly #control: SourceControl;
  #waiting: Moment[] = [];
  #looking = false;

  constructor(control: SourceControl) {
    this.#control = control;
  }

  /** Asks the source. @returns its newest binlog file. @throws as the connection fails. */
  async look(): Promise<BinlogFile | undefined> {
    // The session's own, which nobody sets here; NOW() would be ambiguous where clocks are put back.
    const seconds = Number((await this.#control.value('SELECT @@SESSION.timestamp')) ?? 0);
    const end = (await binlogFiles(this.#control)).at(-1);
    if (end !== undefined) this.#waiting.push({ time: Math.floor(seconds * 1000), end });
    return end;
  }

  /** As `look`, beside what is going on; a failure shows at the next question that is waited for. */
  lookMeanwhile(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.look()
      .catch(() => undefined)
      .finally(() => (this.#looking = false));
  }

  /**
   * A transaction begins here; each comes behind the last.
   * @returns ms since 1970 from which on it was committed; undefined where that is known already, or not yet
   */
  passed({ file, offset }: SourcePosition): number | undefined {
    let time: number | undefined;
    // Names of one base have numbers that rise, and get longer.
    while (this.#waiting.length > 0) {
      const { end, time: asked } = this.#waiting[0]!;
      const isBehind = file === end.file ? offset >= end.size : isLaterFile(file, end.file);
      if (!isBehind) break;
      time = asked;
      this.#waiting.shift();
    }
    return time;
  }
}
