export { type Clock, systemClock } from './clock.js';
export { type StoreConfig, parseStoreConfig } from './config.js';
export type { DrainStatus } from './drain.js';
export { type DoctorDependencies, examineSource } from './doctor.js';
export { type Skip, type SkipDependencies, type SkipRequest, skipTransaction } from './skip.js';
export { type ExportRequest, exportLog, type LogExport } from './export/log-export.js';
export type { SliceEnd } from './export/log-slice.js';
export type { LogFault } from './log/audit/fault-list.js';
export type { AuditProgress, LogAudit } from './log/audit/log-audit.js';
export { type Compaction, compactLog } from './log/log-compaction.js';
export { type LogContents, type LogSummary, summarizeLog } from './log/log-summary.js';
export { type LogVerification, verifyLog } from './log/log-verification.js';
export { type LogHooks, TransactionLog } from './log/transaction-log.js';
export {
  type Repair,
  type RepairDependencies,
  type RepairRequest,
  repairStore,
  type SourceAnswer,
} from './repair.js';
export { type Finding, type FindingStatus, isOptionFile, isStatement } from './source/checks/finding.js';
export type { Diagnosis, HostDiagnosis } from './source/doctor.js';
export { Store, type StoreDependencies } from './store.js';
