import { writeDurableMark, type DurableMark } from './durable-mark.js';
import type { LevelDatabase } from './level-database.js';
import type { LogHooks } from './log-hooks.js';
import { Turn } from './turn.js';

export interface LogSyncParts {
  readonly db: LevelDatabase;
  readonly markPath: string;
  readonly headLsn: () => number;
  readonly hooks: LogHooks;
  /** Called when the mark has moved. */
  readonly moved: (lsn: number) => void;
}

/** Makes the log last, and then says so in the durable mark. */
export class LogSync {
  readonly #parts: LogSyncParts;
  readonly #turn = new Turn();
  #mark: DurableMark;

  constructor(parts: LogSyncParts, mark: DurableMark) {
    this.#parts = parts;
    this.#mark = mark;
  }

  /** All up to here survives a power loss. */
  get durableLsn(): number {
    return this.#mark.lsn;
  }

  /** Nothing to do where the head is durable already. */
  async upToHead(): Promise<void> {
    await this.#turn.take(async () => {
      if (this.#parts.headLsn() > this.#mark.lsn) await this.#sync();
    });
  }

  /** Also what does not move the head. */
  async everything(): Promise<void> {
    await this.#turn.take(() => this.#sync());
  }

  async #sync(): Promise<void> {
    const { db, hooks, headLsn, markPath, moved } = this.#parts;
    const lsn = headLsn();
    await hooks.at?.('sync.begin');
    await db.sync();
    await hooks.at?.('sync.files');
    if (lsn === this.#mark.lsn) return;
    const mark = { ...this.#mark, lsn };
    await writeDurableMark(markPath, mark);
    this.#mark = mark;
    moved(lsn);
    await hooks.at?.('sync.mark');
  }
}
