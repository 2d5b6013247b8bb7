export { type Clock, systemClock } from './clock.js';
export { type StoreConfig, parseStoreConfig } from './config.js';
export { type DoctorDependencies, examineSource } from './doctor.js';
export { type Skip, type SkipDependencies, type SkipRequest, skipTransaction } from './skip.js';
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
