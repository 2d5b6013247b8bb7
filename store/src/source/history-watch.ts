import type { SourceIdentity, SourcePosition } from '../log/transaction-log.js';
import type { TransactionSet } from '@drc/protocol';
import { checkCovered } from './covered-history.js';
import type { BinlogFile, FileStart } from './first-position.js';
import { checkHistory } from './history-check.js';
import type { SourceControl } from './source-control.js';

/** Where capture stands. */
export interface CapturedState {
  readonly identity?: SourceIdentity | undefined;
  readonly position?: SourcePosition | undefined;
  readonly executed: TransactionSet;
}

/**
 * Looks whether the source still is on the history that is being read, while it sends nothing but heartbeats: after
 * RESET MASTER, MariaDB goes on waiting at the end of the deleted file for ever, whatever is written to the new one.
 */
export class HistoryWatch {
  readonly #control: SourceControl;
  readonly #identity: SourceIdentity;
  readonly #captured: () => CapturedState;
  readonly #fileStart: FileStart;
  /** Places are not compared, only GTIDs: of a topology, one server at a time is captured from. */
  readonly #isByGtid: boolean;
  /** The source's end at the last look. */
  #seen: string | undefined;

  constructor(
    control: SourceControl,
    identity: SourceIdentity,
    captured: () => CapturedState,
    fileStart: FileStart,
    isByGtid = false,
  ) {
    this.#control = control;
    this.#identity = identity;
    this.#captured = captured;
    this.#fileStart = fileStart;
    this.#isByGtid = isByGtid;
  }

  /**
   * To be called with each heartbeat.
   * @param newest the source's newest binlog file, as it is now
   * @throws DrcError `SOURCE_HISTORY_CHANGED`, or as the connection fails
   */
  async look(newest: BinlogFile | undefined): Promise<void> {
    const { identity, position, executed } = this.#captured();
    if (identity === undefined || position === undefined) return;
    const captured = { identity, position, executed: executed.clone() };
    // The usual case: all that the source has was read. The full check makes the source read a file.
    if (newest?.file === position.file && newest.size === position.offset) return;
    const end = `${newest?.file}:${newest?.size}`;
    if (end === this.#seen) return;
    if (this.#isByGtid || position.byGtid === true)
      await checkCovered(this.#control, this.#identity, captured);
    else await checkHistory(this.#control, this.#identity, captured, this.#fileStart);
    this.#seen = end;
  }
}
