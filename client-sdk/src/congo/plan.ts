import { setTimeout as sleep } from 'node:timers/promises';
import type { Hub, Row, SnapshotChange, SubscribeOptions, Subscription, Transaction } from '../index.js';
import type { MappedChange, WritableChange } from './mapped-change.js';
import { Rules } from './rules/rules.js';
import type { RuleMatch, TableRule } from './rules/table-rule.js';

export interface PlanOptions {
  readonly hub: Hub;
  readonly topic: string;
  readonly tables: readonly TableRule[];
  /** Default `first`. */
  readonly match?: RuleMatch;
  /** Where the sample begins. Default `earliest`. */
  readonly from?: SubscribeOptions['from'];
  /** Changes of the source that are looked at, at most. Default 100. */
  readonly maxChanges?: number;
  /** Ends it; what was looked at stays. */
  readonly signal?: AbortSignal;
}

/** What would be written for one change of the source; nothing where the rules leave it out. */
export interface PlannedChange {
  readonly transaction: Transaction;
  readonly source: WritableChange | SnapshotChange<string, Row>;
  readonly writes: readonly MappedChange[];
}

/**
 * What the rules make of a sample of changes that the log has, up to its end. Nothing is opened on the target, nothing written, and no
 * place is kept.
 * @throws DrcError `CONFIG_INVALID`, `CONDITION_INVALID` for rules that do not suit the tables; `CONDITION_FAILED`, `SHARD_UNKNOWN` for a row;
 * what reading the topic throws
 */
export async function* planOf(options: PlanOptions): AsyncGenerator<PlannedChange, void, undefined> {
  const { hub, topic, from = 'earliest', maxChanges = 100, signal } = options;
  const rules = new Rules(options.tables, options.match);
  await using subscription = hub.subscribe(topic, { from, tables: rules.sourceTables });
  const stop = (): void => void subscription.close();
  signal?.addEventListener('abort', stop, { once: true });
  let seen = 0;
  try {
    for await (const transaction of untilCaughtUp(subscription)) {
      for await (const change of transaction.changes) {
        if (change.kind === 'ddl' || change.kind === 'sequence') continue;
        const row = change.kind === 'snapshot' ? { ...change, kind: 'insert' as const } : change;
        yield { transaction, source: change, writes: rules.map(row, transaction) };
        seen += 1;
        if (seen === maxChanges) return;
      }
    }
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Ends where nothing more has arrived and all that the log held has been read. */
async function* untilCaughtUp(subscription: Subscription): AsyncGenerator<Transaction, void, undefined> {
  const transactions = subscription[Symbol.asyncIterator]();
  for (;;) {
    const next = transactions.next();
    let item: IteratorResult<Transaction> | undefined;
    while (item === undefined) {
      const pause = new AbortController();
      const passed = sleep(lookMs, undefined, { signal: pause.signal }).catch(() => undefined);
      item = (await Promise.race([next, passed])) ?? undefined;
      pause.abort();
      if (item === undefined && subscription.status().kind === 'caughtUp') {
        // It is closed by whoever made it; what it then answers nobody waits for.
        next.catch(() => undefined);
        return;
      }
    }
    if (item.done === true) return;
    yield item.value;
  }
}

/** How often to look whether the stream has come to its end, ms. */
const lookMs = 20;
