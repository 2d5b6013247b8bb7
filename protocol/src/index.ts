// Everything that both ends must agree on, sorted by file and name.
export { Checkpoint, type CheckpointFields, type CheckpointHint, maxCheckpointLength } from './checkpoint.js';
export {
  type ChunkHeader,
  chunkVersion,
  encodeChunk,
  encodeChunkHeader,
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
  partsOf,
  type RowsHeader,
  schemaIdOfPart,
} from './chunk.js';
export {
  decodeClientMessage,
  decodeDdl,
  decodeProgress,
  decodeStoreMessage,
  encodeDdl,
  encodeMessage,
  encodeProgress,
} from './codec.js';
export {
  DrcError,
  type ErrorAdvice,
  type ErrorCode,
  type ErrorDetails,
  errorTable,
  isDrcError,
  isErrorCode,
} from './errors.js';
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
export { ImageDecoder } from './image-decoder.js';
export type { Row, Value } from './image-program.js';
export {
  type CaughtUp,
  type ClientMessage,
  type Credit,
  type Failure,
  type Hello,
  type Progress,
  protocolVersions,
  type Renew,
  type Renewed,
  type StoreMessage,
  type Subscribe,
  type Subscribed,
  type Welcome,
} from './messages.js';
export type { Ddl, Grant, LogExtent, LogMoment, RowOperation, StartFrom } from './model.js';
export {
  recordHeader,
  recordHeaderBytes,
  RecordKind,
  type RecordKindCode,
  RecordReader,
  type StreamRecord,
} from './record.js';
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
  type MariadbPosition,
  maxSetTextLength,
  maxTransactionIdLength,
  TransactionSet,
} from './transaction-set.js';
