import { Checkpoint, DrcError, type TableVersion, TransactionSet } from '@drc/protocol';
import type { Change, CheckpointStore, Transaction } from '../index.js';
import { type ProgressOptions, ProgressTable } from './progress-table.js';
import { RowWriter, type WrittenRows } from './row-writer.js';
import type { Rules } from './rules.js';
import { Target, type TargetOptions } from './target.js';
import { type TableMatch, matchTable } from './target-table.js';

/** Where a test's main may stop the process. The real mains pass none. */
export type KillPoint = 'begun' | 'row' | 'recording' | 'committing' | 'committed';
export interface CongoHooks {
  at(point: KillPoint): void | Promise<void>;
}

/** What a change that is not a row means to the task. `stop`: an error. `ignore`: left out, and counted. */
export type DdlPolicy = 'stop' | 'ignore';

export interface ApplierOptions {
  readonly target: TargetOptions;
  readonly progress: ProgressOptions;
  readonly rules: Rules;
  readonly ddl: DdlPolicy;
  readonly counters: ApplierCounters;
  readonly hooks?: CongoHooks | undefined;
}

/** Since the process started. */
export interface ApplierCounters {
  readonly rows: WrittenRows;
  transactions: number;
  targetTransactions: number;
  ddlIgnored: number;
  sequencesIgnored: number;
}

/**
 * Applies whole source transactions, several to a target transaction, each exactly once. Between `begin` and `commit`
 * nothing is visible on the target; after `commit` the rows and the record of them are there together.
 */
export class Applier implements AsyncDisposable {
  readonly #options: ApplierOptions;
  readonly #target: Target;
  readonly #progress: ProgressTable;
  readonly #matches = new Map<TableVersion, TableMatch | undefined>();
  readonly #writer: RowWriter;
  /** What the target has; moves only after a COMMIT was acknowledged. */
  #applied: TransactionSet;
  #recorded: boolean;
  /** One transaction at a time on the one session: the subscription saves progress on its own clock. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: ApplierOptions, target: Target, progress: ProgressTable) {
    this.#options = options;
    this.#target = target;
    this.#progress = progress;
    this.#applied = progress.applied;
    this.#recorded = !progress.isEmpty;
    this.#writer = new RowWriter(target, options.counters.rows);
  }

  /** @param previous the claim of this process before its connection was lost; without it the task is taken over. */
  static async open(options: ApplierOptions, previous?: ProgressTable): Promise<Applier> {
    const target = await Target.open(options.target);
    try {
      const progress = previous
        ? await previous.resume(target)
        : await ProgressTable.claim(target, options.progress);
      return new Applier(options, target, progress);
    } catch (error) {
      await target[Symbol.asyncDispose]();
      throw error;
    }
  }

  get claim(): ProgressTable {
    return this.#progress;
  }

  /** The subscription's checkpoints, kept on the target in the same transactions as the rows. */
  get checkpoints(): CheckpointStore {
    return {
      load: () => Promise.resolve(this.#recorded ? this.#checkpoint(this.#applied) : undefined),
      save: (text) => this.#saveProgress(Checkpoint.parse(text).set),
    };
  }

  /** Runs `body`, which applies transactions, in one target transaction. @returns what `body` returns. */
  async transaction<Result>(
    body: (apply: (tx: Transaction) => Promise<number>) => Promise<Result>,
  ): Promise<Result> {
    return this.#exclusive(async () => {
      const applied = this.#applied.clone();
      let transactions = 0;
      await this.#progress.begin();
      await this.#at('begun');
      const result = await body(async (tx) => {
        const rows = await this.#apply(tx);
        applied.add(tx.id);
        transactions += 1;
        return rows;
      });
      await this.#writer.flush();
      await this.#commit(applied);
      this.#options.counters.transactions += transactions;
      return result;
    });
  }

  async #apply(tx: Transaction): Promise<number> {
    let rows = 0;
    try {
      for await (const change of tx.changes) {
        await this.#change(change);
        rows += 1;
      }
    } catch (error) {
      if (!(error instanceof DrcError)) throw error;
      throw new DrcError(
        error.code,
        error.message,
        { ...error.details, transaction: tx.id },
        { cause: error },
      );
    }
    return rows;
  }

  async #change(change: Change): Promise<void> {
    switch (change.kind) {
      case 'insert':
      case 'update':
      case 'delete': {
        const match = await this.#match(change.tableVersion);
        if (!match) return;
        await this.#writer.write(match, change);
        await this.#at('row');
        return;
      }
      case 'ddl':
        if (this.#options.ddl === 'stop') {
          throw new DrcError(
            'STATEMENT_UNSUPPORTED',
            `The source ran ${change.ddl.verb}, and the task has ddl: stop.`,
            {
              tables: change.ddl.tables,
            },
          );
        }
        this.#options.counters.ddlIgnored += 1;
        this.#matches.clear();
        return;
      case 'sequence':
        this.#options.counters.sequencesIgnored += 1;
        return;
    }
  }

  /** @throws DrcError `TARGET_CONFIG` with all faults of the table. */
  async #match(version: TableVersion): Promise<TableMatch | undefined> {
    if (this.#matches.has(version)) return this.#matches.get(version);
    const name = this.#options.rules.targetOf(version);
    let match: TableMatch | undefined;
    if (name) {
      const target = await this.#target.table(name);
      const source = `${version.schema}.${version.table}`;
      if (!target) {
        throw new DrcError(
          'TARGET_CONFIG',
          `The target has no table ${name.schema}.${name.table} for ${source}.`,
          {
            table: `${name.schema}.${name.table}`,
          },
        );
      }
      const matched = matchTable(version, target);
      if (matched.faults.length > 0) {
        throw new DrcError(
          'TARGET_CONFIG',
          `The target cannot take ${source}: ${matched.faults.join('; ')}.`,
          {
            faults: matched.faults,
          },
        );
      }
      match = matched.match;
    }
    this.#matches.set(version, match);
    return match;
  }

  /** Transactions that held nothing for this task are applied by being recorded. */
  async #saveProgress(set: TransactionSet): Promise<void> {
    await this.#exclusive(async () => {
      if (this.#recorded && set.isSubsetOf(this.#applied)) return;
      const applied = this.#applied.union(set);
      await this.#progress.begin();
      await this.#commit(applied);
    });
  }

  async #commit(applied: TransactionSet): Promise<void> {
    await this.#at('recording');
    await this.#progress.record(applied);
    await this.#at('committing');
    await this.#target.query('COMMIT');
    await this.#at('committed');
    this.#applied = applied;
    this.#recorded = true;
    this.#options.counters.targetTransactions += 1;
  }

  #checkpoint(set: TransactionSet): string {
    return new Checkpoint({ topic: this.#options.progress.topic, set }).toString();
  }

  async #at(point: KillPoint): Promise<void> {
    if (this.#options.hooks) await this.#options.hooks.at(point);
  }

  /** After a failure the session has an open transaction: only closing follows. */
  async #exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result;
    this.#turn.catch(() => undefined);
    return result;
  }

  /** Closing the session rolls back what was not committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn.catch(() => undefined);
    await this.#target[Symbol.asyncDispose]();
  }
}
