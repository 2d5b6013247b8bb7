export type { ApplierCounters, CongoHooks, DdlPolicy, KillPoint } from './applier.js';
export { Congo, type CongoOptions, type CongoStatus } from './congo.js';
export { type ProgressOptions, ProgressTable, progressTablesSql } from './progress-table.js';
export { Rules, ruleFaults, type TableName, type TableRule } from './rules.js';
export { Target, type TargetOptions } from './target.js';
export type { TriggerPolicy } from './target-table.js';
