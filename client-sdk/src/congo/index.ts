export type { Atomicity } from './apply/batch.js';
export type { ApplierCounters, CongoHooks, DdlPolicy, KillPoint } from './applier.js';
export {
  checkBeforeStart,
  type CheckOptions,
  checkTask,
  type CheckTaskOptions,
  findingText,
} from './check/check-task.js';
export type { Finding, TaskFindings } from './check/finding.js';
export { type TaskOrders, type DatedReport, type TaskReport } from './control/control-table.js';
export type { OffsetChange } from './control/offset-change.js';
export { TargetProgress, type TargetProgressOptions, type WaitOptions } from './control/target-progress.js';
export {
  TaskControl,
  type TaskControlOptions,
  type TaskState,
  type WorkerRecord,
} from './control/task-control.js';
export { Congo } from './congo.js';
export type { CongoOptions, CongoStatus } from './congo-options.js';
export type { OriginMethod } from './origin-mark.js';
export type { OriginOptions } from './origin-options.js';
export { type ProgressOptions, ProgressTable, progressTablesSql } from './progress-table.js';
export { noRows, type WrittenRows } from './row-writer.js';
export type { RowPolicies } from './mapped-change.js';
export { type PlannedChange, type PlanOptions, planOf } from './plan.js';
export { Rules } from './rules/rules.js';
export type { ShardRange, ShardRule, ShardValues } from './rules/sharding.js';
export { type RuleAction, ruleFaults, type RuleMatch, type TableRule } from './rules/table-rule.js';
export type { TableName } from './table-name.js';
export { Target, type TargetOptions } from './target.js';
export type { TriggerPolicy } from './target-table.js';
export type { TaskMarks } from './task-origin.js';
