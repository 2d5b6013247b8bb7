export { Checkpoint, DrcError, SnapshotProgress, TransactionSet, isDrcError } from '@drc/protocol';
export type {
  Column,
  Ddl,
  DescribedColumn,
  ErrorCode,
  OriginWish,
  Row,
  RowOperation,
  TableProgress,
  TableVersion,
  Value,
} from '@drc/protocol';
export type {
  AnyTables,
  Change,
  DdlChange,
  DeleteChange,
  InsertChange,
  RowChange,
  SequenceChange,
  SnapshotChange,
  UpdateChange,
} from './change.js';
export { fileCheckpoints, memoryCheckpoints } from './checkpoint-store.js';
export type { CheckpointStore } from './checkpoint-store.js';
export { connect } from './client.js';
export type { Hub } from './client.js';
export type { ConnectOptions } from './connect-options.js';
export type { DescribeOptions, TableDescription, TopicDescription } from './describe.js';
export type { Credentials, TopicInfo } from './directory.js';
export { hubCheckpoints } from './hub-checkpoints.js';
export type { HubCheckpointOptions } from './hub-checkpoints.js';
export type { SubscribeOptions } from './subscribe-options.js';
export type { Subscription } from './subscription.js';
export type { SnapshotStatus, SubscriptionStatus } from './subscription-state.js';
export { TopicsCheckpoint } from './topics/topics-checkpoint.js';
export type { TopicsStatus, TopicsSubscription } from './topics/topics-subscription.js';
export type { AllOptions, CopiedRows, Transaction } from './transaction.js';
