export type {
  CutOptions,
  FailOptions,
  Fault,
  FaultMoment,
  Faults,
  GapOptions,
  RepeatOptions,
} from './faults.js';
export { sliceOf } from './made-slice.js';
export type { TestChange, TestColumn, TestTable, TestTables, TestTransaction } from './made-slice.js';
export type { MadeSlice, RecordedSlice, Slice } from './slice.js';
export { readSlice } from './slice-file.js';
export { testHub } from './test-hub.js';
export type { DoneOptions, TestHub, TestHubOptions } from './test-hub.js';
