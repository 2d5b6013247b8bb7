import type { DrcError } from '@drc/protocol';
import type { Hub, SubscribeOptions } from '../index.js';
import type { Atomicity } from './apply/batch.js';
import type { CongoHooks, DdlPolicy } from './applier.js';
import type { OriginOptions } from './origin-options.js';
import type { RuleMatch, TableRule } from './rules/table-rule.js';
import type { TriggerPolicy } from './target-table.js';
import type { TargetOptions } from './target.js';
import type { TaskMarks } from './task-origin.js';

export interface CongoOptions {
  readonly hub: Hub;
  /** 1-128 ASCII characters: the name under which progress is kept on the target. */
  readonly task: string;
  readonly topic: string;
  readonly tables: readonly TableRule[];
  /** Which rules count for a table that several name. Default `first`. */
  readonly match?: RuleMatch;
  readonly target: TargetOptions;
  /** Where reading begins on the first start; later the record on the target decides. Default `earliest`. */
  readonly from?: SubscribeOptions['from'];
  /** Tables that are copied: with `from: 'snapshot'` default those of the rules; for a task that runs already those that are named here in full and were not copied before. */
  readonly snapshot?: SubscribeOptions['snapshot'];
  /** Transactions that were left out of the log and that the task is to pass; any other ends it with `GAP`. */
  readonly acknowledgeGaps?: readonly string[];
  /** Default `stop`. */
  readonly ddl?: DdlPolicy;
  /** Default `refuse`. */
  readonly triggers?: TriggerPolicy;
  /** Schema of congo's own tables on the target. Default `drc`. */
  readonly progressSchema?: string;
  /** A target transaction takes source transactions until it has this many rows. Default 2,000. */
  readonly maxBatchRows?: number;
  /**
   * Default `transaction`: each change of a row is written. `row`: of several changes of a row in one target transaction only what they
   * come to; faster where the same rows change again and again. Target transactions hold whole source transactions either way.
   */
  readonly atomic?: Atomicity;
  /** Sessions on the target that write at a time, 1-64, beside the one that keeps the task's claim. Default 4. */
  readonly workers?: number;
  /** How often a task looks whether it was taken over, and what its operator wants, ms. Default 1,000. */
  readonly claimCheckMs?: number;
  /** Told of each state; for logs. */
  readonly onStatus?: (status: CongoStatus) => void;
  /** Told after each COMMIT on the target when the source had committed what it applied, ms since 1970; for metrics. */
  readonly onApplied?: (commitTimes: readonly number[]) => void;
  /** For targets from which changes come back: what is left out, and how what is written is marked. Default: neither. */
  readonly origin?: OriginOptions;
  /** Told before the first row of each session how the target's transactions are marked, where they are; for logs. */
  readonly onMarks?: (marks: TaskMarks) => void;
  readonly hooks?: CongoHooks;
}

/** `lastCommitTime`: when the source committed what was applied last, ms since 1970. */
export type CongoStatus =
  | { readonly kind: 'starting' }
  | { readonly kind: 'applying'; readonly lastCommitTime: number | undefined }
  /** By its operator: nothing is applied. */
  | { readonly kind: 'paused'; readonly since: number; readonly by: string | undefined }
  | { readonly kind: 'waiting'; readonly error: DrcError; readonly retryAt: number }
  | { readonly kind: 'stopped'; readonly error?: DrcError };
