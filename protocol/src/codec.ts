import { Packr, Unpackr } from 'msgpackr';
import { DrcError, isErrorCode } from './errors.js';
import { FrameKind, frameHeaderBytes, maxFramePayloadBytes, sealFrame } from './frame.js';
import { classOfType } from './image-program.js';
import type { Ddl, Gap, Partition, StartFrom } from './model.js';
import {
  subscriptionNamePattern,
  type ClientMessage,
  type Progress,
  type SnapshotHead,
  type StoreMessage,
} from './messages.js';
import { isOriginWish } from './origin.js';
import { isPlainValue } from './plain-value.js';

/*
 * msgpackr lives here and nowhere else (row images have a reader of their own). Towards a peer: plain maps and arrays
 * only (no records, no extensions), and each message is checked field by field before anybody sees it. Fields that
 * are not known are left alone: a newer peer may have more.
 *
 * Integers above 32 bits are written as float64; a peer may send them as 64-bit integers too.
 */
const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true });
// An integer that a number cannot hold exactly comes out above 2^53-1 here, and no field takes that.
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

/** A whole control frame. @throws RangeError where the message does not fit a frame. */
export function encodeMessage(message: ClientMessage | StoreMessage): Buffer {
  const payload = packr.pack(message);
  if (payload.length > maxFramePayloadBytes) throw new RangeError('The message does not fit a frame.');
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  payload.copy(frame, frameHeaderBytes);
  return sealFrame(frame, FrameKind.control);
}

/** Of the length's 16 bits, with room for the frame around. */
const maxSnapshotHeadBytes = 60 * 1024;

export const encodeProgress = (progress: Progress): Buffer => Buffer.from(packr.pack(progress));
export const encodeDdl = (ddl: Ddl): Buffer => Buffer.from(packr.pack(ddl));
export const encodeGap = (gap: Gap): Buffer => Buffer.from(packr.pack(gap));

// --- What a peer may send -------------------------------------------------------------------------------------

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isFlag: Check = (value) => typeof value === 'boolean';
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isCounts: Check = (value) => Array.isArray(value) && value.every(isCount);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const fits =
  (shape: Shape): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(shape).every(([key, check]) => check((value as Record<string, unknown>)[key]));
const isOneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && values.includes(value);
const each =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

const startShapes: Readonly<Record<StartFrom['kind'], Shape>> = {
  earliest: {},
  latest: {},
  timestamp: { time: isCount },
  transaction: { id: isText },
  checkpoint: { checkpoint: isText },
};
const isStart: Check = (value) =>
  fits({ kind: isOneOf(...Object.keys(startShapes)) })(value) &&
  fits(startShapes[(value as StartFrom).kind])(value);
/** A restriction that this version does not know must not be passed over. */
const hasOnly =
  (...keys: readonly string[]): Check =>
  (value) =>
    Object.keys(value as object).every((key) => keys.includes(key));
const all =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.every((check) => check(value));
const atMost =
  (length: number): Check =>
  (value) =>
    (value as string | readonly unknown[]).length <= length;
const isRowRule = all(
  fits({
    tables: all(isTexts, atMost(1000)),
    where: optional(all(isText, atMost(10_000))),
    columns: optional(all(isTexts, atMost(4096))),
  }),
  hasOnly('tables', 'where', 'columns'),
);
const isPartition: Check = (value) =>
  fits({ of: isCount, index: isCount })(value) &&
  (value as Partition).of <= 1024 &&
  (value as Partition).index < (value as Partition).of;
const isSubscriptionName: Check = (value) => typeof value === 'string' && subscriptionNamePattern.test(value);
const areRowRules = all(each(isRowRule), atMost(100));
const isGrantRule = fits({
  tables: isTexts,
  where: optional(isText),
  drop: optional(isTexts),
  hash: optional(isTexts),
});
const isEffectiveFilter = fits({
  tables: isTexts,
  restricted: optional(each(isGrantRule)),
  rules: optional(areRowRules),
  partition: optional(isPartition),
  origins: optional(isOriginWish),
});
const isMoment = fits({ lsn: isCount, time: isCount });
const isExtent = fits({
  lineage: isText,
  head: isMoment,
  oldest: isMoment,
  coversFrom: isCount,
  setBeforeOldest: isText,
});
const isDescribedColumn = fits({
  name: isText,
  type: isOneOf(...Object.keys(classOfType)),
  nullable: isFlag,
  unsigned: optional(isFlag),
  length: optional(isCount),
  fixed: optional(isFlag),
  precision: optional(isCount),
  scale: optional(isCount),
  collation: optional(isCount),
  labels: optional(isTexts),
  key: optional(isCount),
});
const isDescribedTable = fits({
  schema: isText,
  table: isText,
  columns: each(isDescribedColumn),
  unwritten: optional(isFlag),
  exact: optional(isFlag),
  keyHidden: optional(isFlag),
  more: optional(isFlag),
});
const isDetails: Check = (value) =>
  fits({})(value) &&
  Object.values(value as object).every(
    (item) => ['string', 'number', 'boolean', 'undefined'].includes(typeof item) || isTexts(item),
  );

const clientShapes: Readonly<Record<ClientMessage['type'], Shape>> = {
  hello: { versions: isCounts, client: isText, topic: isText },
  subscribe: {
    from: isStart,
    tables: isTexts,
    operations: each(isOneOf('insert', 'update', 'delete')),
    credit: isCount,
    acknowledgeGaps: optional(isTexts),
    rules: optional(areRowRules),
    partition: optional(isPartition),
    origins: optional(isOriginWish),
    name: optional(isSubscriptionName),
    backfill: optional(isFlag),
    snapshot: optional(all(fits({ tables: all(isTexts, atMost(1000)) }), hasOnly('tables'))),
  },
  describe: { tables: all(isTexts, atMost(1000)) },
  committed: { lsn: isCount },
  credit: { bytes: isCount },
  renew: { ticket: isText },
};
const storeShapes: Readonly<Record<StoreMessage['type'], Shape>> = {
  welcome: {
    version: isCount,
    store: isText,
    topic: isText,
    log: isExtent,
    describes: optional(isFlag),
    snapshots: optional(isFlag),
    origins: optional(isFlag),
  },
  subscribed: {
    lineage: isText,
    lsn: isCount,
    set: isText,
    grant: isEffectiveFilter,
    ahead: optional(isFlag),
    unmatched: optional(isTexts),
    principal: optional(isText),
  },
  described: {
    tables: each(isDescribedTable),
    last: isFlag,
    incomplete: optional(isFlag),
    missing: optional(isCount),
  },
  caughtUp: { lsn: isCount },
  falling: { inMs: isCount },
  renewed: { expiresAt: isCount },
  error: { code: isErrorCode, message: isText, details: isDetails },
};

/** @throws DrcError `PROTOCOL_VIOLATION`. */
export const decodeClientMessage = (payload: Buffer): ClientMessage =>
  decodeMessage(payload, clientShapes) as ClientMessage;

/** @throws DrcError `PROTOCOL_VIOLATION`. */
export const decodeStoreMessage = (payload: Buffer): StoreMessage =>
  decodeMessage(payload, storeShapes) as StoreMessage;

function decodeMessage(payload: Buffer, shapes: Readonly<Record<string, Shape>>): unknown {
  const value = unpackMap(payload, 'message');
  const type = value['type'];
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type)) throw violation('unknown message type');
  if (!fits(shapes[type]!)(value)) throw violation(`malformed ${type} message`);
  return value;
}

const progressShape: Shape = { lsn: isCount, logTime: isCount, set: isText };
const ddlShape: Shape = {
  verb: isText,
  tables: isTexts,
  defaultSchema: isText,
  text: optional(isText),
  sqlMode: isCount,
  charset: (value) => isCounts(value) && (value as number[]).length === 3,
  timeZone: isText,
};

const gapShape: Shape = {
  transaction: isText,
  tables: isTexts,
  reason: isText,
  by: isText,
  at: isCount,
  from: isText,
  to: isText,
  code: isText,
  events: isCount,
  rowsEvents: isCount,
};

const snapshotShapes: Readonly<Record<SnapshotHead['kind'], Shape>> = {
  plan: { tables: isTexts },
  rows: {
    table: isText,
    key: (value) => Buffer.isBuffer(value),
    rows: isCount,
    time: isCount,
    estimatedRows: isCount,
    done: isFlag,
  },
};

/** The body of a snapshot record up to its parts. @throws RangeError where the head does not fit. */
export function encodeSnapshotHead(head: SnapshotHead): Buffer {
  const packed = packr.pack(head);
  if (packed.length > maxSnapshotHeadBytes)
    throw new RangeError('The head of the snapshot record is too long.');
  const bytes = Buffer.allocUnsafe(2 + packed.length);
  bytes.writeUInt16LE(packed.length, 0);
  packed.copy(bytes, 2);
  return bytes;
}

/** Of the body in [at, end): the head, and where its parts begin. @throws DrcError `PROTOCOL_VIOLATION`. */
export function decodeSnapshotHead(
  bytes: Buffer,
  at: number,
  end: number,
): { readonly head: SnapshotHead; readonly partsAt: number } {
  const partsAt = at + 2 + (at + 2 <= end ? bytes.readUInt16LE(at) : 0);
  if (at + 2 > end || partsAt > end) throw violation('malformed snapshot');
  const value = unpackMap(bytes.subarray(at + 2, partsAt), 'snapshot');
  const kind = value['kind'];
  if (typeof kind !== 'string' || !Object.hasOwn(snapshotShapes, kind)) throw violation('malformed snapshot');
  if (!fits(snapshotShapes[kind as SnapshotHead['kind']])(value)) throw violation('malformed snapshot');
  return { head: value as unknown as SnapshotHead, partsAt };
}

/** @throws DrcError `PROTOCOL_VIOLATION`. */
export const decodeProgress = (body: Buffer): Progress =>
  checked(body, progressShape, 'progress') as Progress;

/** @throws DrcError `PROTOCOL_VIOLATION`. */
export const decodeDdl = (body: Buffer): Ddl => checked(body, ddlShape, 'DDL') as Ddl;

/** @throws DrcError `PROTOCOL_VIOLATION`. */
export const decodeGap = (body: Buffer): Gap => checked(body, gapShape, 'gap') as Gap;

function checked(body: Buffer, shape: Shape, what: string): unknown {
  const value = unpackMap(body, what);
  if (!fits(shape)(value)) throw violation(`malformed ${what}`);
  return value;
}

function unpackMap(bytes: Buffer, what: string): Record<string, unknown> {
  if (!isPlainValue(bytes)) throw violation(`a ${what} must be one plain msgpack map`);
  let value: unknown;
  try {
    value = unpackr.unpack(bytes);
  } catch (cause) {
    throw new DrcError('PROTOCOL_VIOLATION', `A ${what} is not valid msgpack.`, {}, { cause });
  }
  if (!fits({})(value)) throw violation(`a ${what} must be a map`);
  return value as Record<string, unknown>;
}

const violation = (what: string): DrcError => new DrcError('PROTOCOL_VIOLATION', `Refused: ${what}.`);
