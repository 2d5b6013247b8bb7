import type { SourcePosition } from '../log/transaction-log.js';
import type { CaptureLog } from './capture-log.js';
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
  readonly #log: Pick<CaptureLog, 'sourceTime'>;
  #waiting: Moment[] = [];
  #looking = false;

  /** @param log told of the source's clock */
  constructor(control: SourceControl, log: Pick<CaptureLog, 'sourceTime'>) {
    this.#control = control;
    this.#log = log;
  }

  /** Asks the source. @returns its newest binlog file. @throws as the connection fails. */
  async look(): Promise<BinlogFile | undefined> {
    const time = Math.floor(await this.#log.sourceTime(() => this.#control.time()));
    const end = (await binlogFiles(this.#control)).at(-1);
    if (end !== undefined) this.#waiting.push({ time, end });
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
