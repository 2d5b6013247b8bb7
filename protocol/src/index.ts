// Everything that both ends must agree on, sorted by file and name.
export { maxTicketGraceMs, type ReaderReport, type ReaderReports, type Revocation } from './announcement.js';
export { Checkpoint, type CheckpointFields, type CheckpointHint, maxCheckpointLength } from './checkpoint.js';
export {
  type ChunkHeader,
  chunkVersion,
  encodeChunk,
  hasSchemaId,
  imageMarker,
  lastChunkFlag,
  parseChunkHeader,
  type ParsedChunk,
  parseRowsHeader,
  PartFlag,
  partHeaderBytes,
  PartKind,
  type PartKindCode,
  type PartSlice,
  partAt,
  partsOf,
  type RowsHeader,
  schemaIdOfPart,
} from './chunk.js';
export {
  decodeClientMessage,
  decodeDdl,
  decodeGap,
  decodeProgress,
  decodeSnapshotHead,
  decodeStoreMessage,
  encodeDdl,
  encodeGap,
  encodeMessage,
  encodeProgress,
  encodeSnapshotHead,
} from './codec.js';
export { configFaults, type ConfigIssue } from './config-faults.js';
export type { DescribedColumn, DescribedTable } from './description.js';
export {
  DrcError,
  type ErrorAdvice,
  type ErrorCode,
  type ErrorDetails,
  errorTable,
  isDrcError,
  isErrorCode,
} from './errors.js';
export { exportVersion, type ExportHeader } from './export-header.js';
export {
  type Frame,
  frameHeaderBytes,
  FrameKind,
  type FrameKindCode,
  maxFrameBytes,
  maxFramePayloadBytes,
  openFrame,
  sealFrame,
} from './frame.js';
export { type Access, accessOf, grantText, isFull, isUnrestricted } from './grant.js';
export { ImageDecoder } from './image-decoder.js';
export { readValue, type Row, sizeOf as valueBytes, type Value } from './image-program.js';
export {
  type CaughtUp,
  type ClientMessage,
  type Committed,
  type Credit,
  type Describe,
  type Described,
  type Failure,
  type Falling,
  type Hello,
  type Progress,
  protocolVersions,
  type Renew,
  type Renewed,
  type SnapshotHead,
  type StoreMessage,
  type Subscribe,
  type Subscribed,
  subscriptionNamePattern,
  type Welcome,
} from './messages.js';
export type {
  Ddl,
  EffectiveFilter,
  Gap,
  Grant,
  GrantRule,
  LogExtent,
  LogMoment,
  Partition,
  RowOperation,
  RowRule,
  StartFrom,
} from './model.js';
export {
  isOriginWish,
  originColumns,
  originOfTransaction,
  originTable,
  originTagPrefix,
  type OriginWish,
  siteNamePattern,
  wantsOrigin,
} from './origin.js';
export {
  recordHeader,
  recordHeaderBytes,
  RecordKind,
  type RecordKindCode,
  RecordReader,
  StreamRecord,
} from './record.js';
export { SnapshotProgress, type TableProgress } from './snapshot-progress.js';
export type { SequenceNumber } from './sequence-number.js';
export {
  canonicalTableVersion,
  type Column,
  type ColumnType,
  schemaIdBytes,
  schemaIdOf,
  type TableVersion,
} from './table-version.js';
export {
  canonicalTransactionId,
  isTransactionId,
  type MariadbPosition,
  maxSetTextLength,
  maxTransactionIdLength,
  TransactionSet,
} from './transaction-set.js';
export { compileComputed, compileCondition, type Computed, type Condition } from './expression/expression.js';
export { parseExpression } from './expression/parser.js';
export { readU32 } from './little-endian.js';
export { AddressLimit } from './transport/address-limit.js';
export { type JsonAnswer, jsonRequest, type Transport } from './transport/json-request.js';
export { isLoopback } from './transport/loopback.js';
export { answerAndEnd, answerMalformed } from './transport/short-answer.js';
export { createPortServer, ServerTls, type ServerTlsFiles } from './transport/server-tls.js';
export { connectionFault, tlsFault } from './transport/tls-fault.js';
export {
  checkTlsOptions,
  clientTlsOptions,
  mustBePrivateWay,
  type Plaintext,
  type TlsOptions,
} from './transport/tls-options.js';
