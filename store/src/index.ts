export { type Clock, systemClock } from './clock.js';
export { type StoreConfig, parseStoreConfig } from './config.js';
export { type LogHooks, TransactionLog } from './log/transaction-log.js';
export { Store, type StoreDependencies } from './store.js';
