import { Checkpoint, type Ddl, DrcError, type SnapshotProgress, type TransactionSet } from '@drc/protocol';
import type { Change, CheckpointStore, Transaction } from '../index.js';
import type { Batch } from './apply/batch.js';
import { type ProgressOptions, ProgressTable } from './progress-table.js';
import { noRows, RowWriter, type WrittenRows } from './row-writer.js';
import { copying, type MappedChange, type MappedTable } from './mapped-change.js';
import type { Rules } from './rules/rules.js';
import { nameOf, type TableName } from './table-name.js';
import { Target, type TargetOptions } from './target.js';
import type { TaskOrigin } from './task-origin.js';
import { readTable } from './target-schema.js';
import { absentTable, privilegeFaults } from './target-privileges.js';
import { type TableMatch, type TriggerPolicy, matchTable, tableFaults } from './target-table.js';

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
  readonly triggers: TriggerPolicy;
  readonly counters: ApplierCounters;
  /** Faults of the target's tables: those that are known, to which what is found is added. */
  readonly faults: Set<string>;
  /** Rows of the first target transaction from which on each goes in a statement of its own. Default: none. */
  readonly singlyFrom?: number | undefined;
  /** Marks each target transaction with where it comes from. Default: none is marked. */
  readonly origin?: TaskOrigin | undefined;
  /** Tables that are copied for a task that runs already. */
  readonly added: ReadonlySet<string>;
  readonly hooks?: CongoHooks | undefined;
}

/** Since the process started; what was rolled back does not count. */
export interface ApplierCounters {
  readonly rows: WrittenRows;
  transactions: number;
  targetTransactions: number;
  ddlIgnored: number;
  sequencesIgnored: number;
}

/**
 * Applies whole source transactions, several to a target transaction, each exactly once. Until the COMMIT nothing is
 * visible on the target; after it the rows and the record of them are there together.
 *
 * After a failure the session has an open transaction that must not go on: everything behind it fails too, and only
 * closing follows, which rolls it back.
 */
export class Applier implements AsyncDisposable {
  readonly #options: ApplierOptions;
  readonly #target: Target;
  readonly #progress: ProgressTable;
  /** By the object: each rule has its own for each version of a source table. */
  readonly #matches = new WeakMap<MappedTable, Map<TableName, TableMatch | undefined>>();
  readonly #writer: RowWriter;
  /** What has come for tables of the target that cannot take it. */
  readonly #refused: MappedChange[] = [];
  /** By the writer, since the last COMMIT. */
  readonly #written: WrittenRows = noRows();
  /** What the target has; moves only after a COMMIT was acknowledged. */
  #applied: TransactionSet;
  #recorded: boolean;
  /** How far tables have been copied, as the target has it. */
  #snapshot: SnapshotProgress | undefined;
  /** One target transaction at a time on the one session: the subscription saves progress on its own clock. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: ApplierOptions, target: Target, progress: ProgressTable) {
    this.#options = options;
    this.#target = target;
    this.#progress = progress;
    this.#applied = progress.applied;
    this.#recorded = !progress.isEmpty;
    this.#snapshot = progress.snapshot;
    this.#writer = new RowWriter(target, this.#written, options.singlyFrom);
  }

  /**
   * @param previous the claim of this process before its connection was lost; without it the task is taken over.
   * @throws DrcError `TARGET_CONFIG` with all faults of all tables that are named, `TASK_FENCED`, `TARGET_AUTH`,
   * `TARGET_UNREACHABLE`.
   */
  static async open(options: ApplierOptions, previous?: ProgressTable): Promise<Applier> {
    const target = await Target.open(options.target);
    try {
      await checkNamedTargets(target, options.rules, options.triggers);
      const progress = previous
        ? await previous.resume(target)
        : await ProgressTable.claim(target, options.progress);
      return new Applier(options, target, progress);
    } catch (error) {
      await target[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Rows of the target transaction before the statement of several rows that failed it: one of them is refused. */
  get failedAt(): number | undefined {
    return this.#writer.failedAt;
  }

  /**
   * Looks whether the task is still ours, between target transactions. @param beside done on the same session after it
   * @throws DrcError `TASK_FENCED`.
   */
  async confirm(beside?: (target: Target) => Promise<void>): Promise<void> {
    await this.#exclusive(async () => {
      await this.#progress.confirm();
      await beside?.(this.#target);
    });
  }

  get claim(): ProgressTable {
    return this.#progress;
  }

  /** What the target has. */
  get state(): { readonly applied: TransactionSet; readonly snapshot: SnapshotProgress | undefined } {
    return { applied: this.#applied, snapshot: this.#snapshot };
  }

  /** Another session of the task has committed. */
  committed(applied: TransactionSet, snapshot: SnapshotProgress | undefined, written: WrittenRows): void {
    this.#applied = this.#applied.union(applied);
    this.#snapshot = snapshot ?? this.#snapshot;
    this.#recorded = true;
    this.#options.counters.targetTransactions += 1;
    this.#count(written);
  }

  /**
   * Adds a change to a batch, as the rules make it, unless its table cannot take it: see `assertAllMatched`.
   * @returns a promise where the target has to be asked first
   * @throws DrcError as `transaction`
   */
  gather(batch: Batch, change: Change, tx: Transaction): Promise<void> | undefined {
    const mapped = this.#mapped(change, tx);
    for (const [index, each] of mapped.entries()) {
      const known = this.#matches.get(each.mapped);
      if (known?.has(each.target) !== true) return this.#gatherAsking(batch, mapped.slice(index));
      const match = known.get(each.target);
      if (match !== undefined) batch.add(match, each);
    }
    return undefined;
  }

  async #gatherAsking(batch: Batch, mapped: readonly MappedChange[]): Promise<void> {
    for (const each of mapped) {
      const match = await this.#exclusive(async () => {
        const found = await this.#match(each);
        await this.#target.query('COMMIT');
        return found;
      });
      if (match !== undefined) batch.add(match, each);
    }
  }

  /** Whether the target has a record of the task. */
  get isRecorded(): boolean {
    return this.#recorded;
  }

  /** The subscription's checkpoints, kept on the target in the same transactions as the rows. */
  get checkpoints(): CheckpointStore {
    return {
      load: () => Promise.resolve(this.#recorded ? this.#checkpoint(this.#applied) : undefined),
      save: (text) => this.record(Checkpoint.parse(text)),
    };
  }

  /**
   * Records what the stream is done with, in a target transaction of its own: transactions that held nothing for this
   * task, or the place where the task began. What is recorded already stays: the record never goes back.
   */
  async record({ set, snapshot }: Checkpoint): Promise<void> {
    await this.#exclusive(async () => {
      const isCopied = snapshot === undefined || JSON.stringify(snapshot) === JSON.stringify(this.#snapshot);
      if (this.#recorded && isCopied && set.isSubsetOf(this.#applied)) return;
      await this.#progress.begin();
      await this.#commit(this.#applied.union(set), snapshot);
    });
  }

  /**
   * Runs `body`, which applies transactions, in one target transaction.
   * @param site where all of them come from, for a task that marks what it writes
   * @returns what `body` returns.
   */
  async transaction<Result>(
    body: (apply: (tx: Transaction) => Promise<number>) => Promise<Result>,
    site?: string,
  ): Promise<Result> {
    const { origin } = this.#options;
    return this.#exclusive(async () => {
      let last: Transaction | undefined;
      let transactions = 0;
      const begin = (): Promise<void> => this.#progress.begin();
      await (origin && site !== undefined ? origin.begin(this.#target, site, begin) : begin());
      await this.#at('begun');
      try {
        const result = await body(async (tx) => {
          last = tx;
          transactions += 1;
          return this.#apply(tx);
        });
        this.assertAllMatched();
        await this.#writer.flush();
        // The exact set, also of what lay between: the ids alone would not tell where the task began.
        await this.#commit(last ? this.#applied.union(last.checkpoint.set) : this.#applied, last?.copied);
        this.#writer.singlyFrom = Number.POSITIVE_INFINITY;
        this.#options.counters.transactions += transactions;
        return result;
      } catch (error) {
        // Of several the last is named, and not by the message: each is tried alone before one is blamed.
        if (!(error instanceof DrcError) || !last || error.code === 'TASK_FENCED') throw error;
        const details = { ...error.details, transaction: last.id };
        const message = transactions === 1 ? `Transaction ${last.id}: ${error.message}` : error.message;
        throw new DrcError(error.code, message, details, { cause: error.cause });
      }
    });
  }

  /** Drops the connection, so that whatever waits for the target fails: for a stop that cannot wait. */
  abort(): void {
    this.#target.abort();
  }

  /** Closing the session rolls back what was not committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn.catch(() => undefined);
    await this.#target[Symbol.asyncDispose]();
  }

  /** @returns the number of changes. */
  async #apply(tx: Transaction): Promise<number> {
    let changes = 0;
    for await (const change of tx.changes) {
      await this.#change(change, tx);
      changes += 1;
    }
    return changes;
  }

  async #change(change: Change, tx: Transaction): Promise<void> {
    for (const mapped of this.#mapped(change, tx)) await this.#write(mapped);
  }

  /** What is to be written for a change. @throws DrcError `STATEMENT_UNSUPPORTED`, and as `Rules.map` */
  #mapped(change: Change, tx: Transaction): readonly MappedChange[] {
    switch (change.kind) {
      case 'insert':
      case 'update':
      case 'delete':
        return this.#options.rules.map(change, tx, this.#isCopying(tx, change.table));
      case 'snapshot':
        return this.#options.rules.map({ ...change, kind: 'insert' }, tx, true);
      case 'ddl':
        if (harmless.test(change.ddl.verb)) return [];
        if (this.#options.ddl === 'stop') throw refusedDdl(change.ddl);
        this.#options.counters.ddlIgnored += 1;
        return [];
      case 'sequence':
        this.#options.counters.sequencesIgnored += 1;
        return [];
    }
  }

  /** Also of a table that is to be copied, while the store has not said so yet. */
  #isCopying({ copied }: Transaction, table: string): boolean {
    if (copied === undefined) return false;
    return copied.isCopying(table) || (copied.of(table) === undefined && this.#options.added.has(table));
  }

  async #write(mapped: MappedChange): Promise<void> {
    const known = this.#matches.get(mapped.mapped);
    const match = known?.has(mapped.target) ? known.get(mapped.target) : await this.#match(mapped);
    // Behind a table that is refused nothing is written any more, only looked for further ones.
    if (!match || this.#refused.length > 0) return;
    await this.#writer.write(match, mapped.change);
    if (this.#options.hooks) await this.#at('row');
  }

  /** Undefined where the target cannot take its rows. */
  async #match(change: MappedChange): Promise<TableMatch | undefined> {
    // A question between a row statement and its warnings would lose them.
    await this.#writer.flush();
    const match = await this.#matchTo(change);
    const matches = this.#matches.get(change.mapped) ?? new Map<TableName, TableMatch | undefined>();
    this.#matches.set(change.mapped, matches.set(change.target, match));
    return match;
  }

  async #matchTo(change: MappedChange): Promise<TableMatch | undefined> {
    const { target: name, mapped } = change;
    const target = await readTable(this.#target, name);
    const { match, faults } = target
      ? matchTable(mapped.version, target, this.#options.triggers, mapped)
      : { match: undefined, faults: [await absentTable(this.#target, name)] };
    if (target) faults.push(...(await privilegeFaults(this.#target, target)));
    if (match?.keyed === false && mapped.policies === copying)
      faults.push(`${nameOf(name)}: rows are copied into it, and it has no unique key to find them by`);
    if (match && faults.length === 0) return match;
    this.#refused.push(change);
    for (const fault of faults) this.#options.faults.add(fault);
    return undefined;
  }

  /** @throws DrcError `TARGET_CONFIG` with the faults of all tables whose rows have come. */
  assertAllMatched(): void {
    const [first] = this.#refused;
    if (first === undefined) return;
    const faults = [...this.#options.faults];
    const sources = [...new Set(this.#refused.map(({ mapped }) => nameOf(mapped.version)))].join(', ');
    throw new DrcError('TARGET_CONFIG', `the target cannot take rows of ${sources}: ${faults.join('; ')}.`, {
      table: nameOf(first.target),
      faults,
    });
  }

  async #commit(applied: TransactionSet, snapshot: SnapshotProgress | undefined): Promise<void> {
    await this.#at('recording');
    await this.#progress.record(applied);
    // The same object for as long as nothing was copied.
    if (snapshot !== undefined && snapshot !== this.#snapshot) await this.#progress.recordSnapshot(snapshot);
    await this.#at('committing');
    await this.#target.execute('COMMIT');
    await this.#at('committed');
    this.#applied = applied;
    this.#snapshot = snapshot ?? this.#snapshot;
    this.#recorded = true;
    this.#options.counters.targetTransactions += 1;
    this.#count(this.#written);
    Object.assign(this.#written, noRows());
  }

  #count(written: WrittenRows): void {
    for (const kind of Object.keys(written) as (keyof WrittenRows)[])
      this.#options.counters.rows[kind] += written[kind];
  }

  #checkpoint(set: TransactionSet): string {
    const { topic } = this.#options.progress;
    return new Checkpoint({ topic, set, snapshot: this.#snapshot }).toString();
  }

  async #at(point: KillPoint): Promise<void> {
    if (this.#options.hooks) await this.#options.hooks.at(point);
  }

  async #exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result;
    this.#turn.catch(() => undefined);
    return result;
  }
}

/**
 * Statements that leave all rows of all tables, and what may be written to them, as they are. CREATE OR REPLACE is none:
 * it drops the database, with its tables.
 */
const harmless = /^(CREATE|ALTER) (DATABASE|SCHEMA)$/;

/** Of a statement's text an error shows so much, characters. */
const maxStatementText = 1_000;

function refusedDdl({ verb, tables, text }: Ddl): DrcError {
  const statement =
    text === undefined || text.length <= maxStatementText ? text : `${text.slice(0, maxStatementText)}…`;
  return new DrcError(
    'STATEMENT_UNSUPPORTED',
    `the source ran ${verb}${tables.length > 0 ? ` on ${tables.join(', ')}` : ''}, and the task has ddl: stop.${
      statement === undefined ? '' : ` The statement: ${statement}`
    }`,
    { tables, statement },
  );
}

/** What the rules name must be there before anything is claimed or written. */
async function checkNamedTargets(target: Target, rules: Rules, triggers: TriggerPolicy): Promise<void> {
  const faults: string[] = [];
  for (const name of rules.namedTargets) {
    const table = await readTable(target, name);
    if (!table) faults.push(await absentTable(target, name));
    else faults.push(...tableFaults(table, triggers), ...(await privilegeFaults(target, table)));
  }
  await target.query('COMMIT');
  if (faults.length === 0) return;
  throw new DrcError('TARGET_CONFIG', `The target cannot take what the rules name: ${faults.join('; ')}.`, {
    faults,
  });
}
