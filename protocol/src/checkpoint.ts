import { crc32 } from 'node:zlib';
import { DrcError } from './errors.js';
import { SnapshotProgress } from './snapshot-progress.js';
import { TransactionSet } from './transaction-set.js';

/*
 *   text  = base64url, without padding, of bytes
 *   bytes = version u8 (1; 2 with snapshot) | crc u32 (little-endian CRC-32 of version and json) | json
 *   json  = { "topic": text, "set": text of a transaction set, "hint"?: { "lineage": text, "lsn": number },
 *             "snapshot"?: array, see SnapshotProgress.toJSON }, UTF-8
 *
 * Whoever adds a field raises the version: a reader that drops what it does not know would lose a position.
 */
const plainVersion = 1;
const snapshotVersion = 2;
const headerBytes = 5;

/** Longest text of a checkpoint, in characters: with it a `subscribe` message still fits a frame. */
export const maxCheckpointLength = 60 * 1024;

/** Where the set was, in the log that made the checkpoint: a short cut, to be used only after it proved true. */
export interface CheckpointHint {
  readonly lineage: string;
  readonly lsn: number;
}

export interface CheckpointFields {
  readonly topic: string;
  readonly set: TransactionSet;
  readonly hint?: CheckpointHint;
  readonly snapshot?: SnapshotProgress | undefined;
}

/**
 * What a reader has: the exact set of a topic's transactions, the same on every store of the topic. Its text is
 * opaque: keep it and give it back as it is. Immutable; `set` must not be added to (`clone()` it).
 */
export class Checkpoint {
  readonly topic: string;
  readonly set: TransactionSet;
  readonly hint: CheckpointHint | undefined;
  /** What it has of rows from before the stream; undefined where none were asked for. */
  readonly snapshot: SnapshotProgress | undefined;

  /** Takes a copy of the set, so that the original may grow on. */
  constructor({ topic, set, hint, snapshot }: CheckpointFields) {
    this.topic = topic;
    this.set = set.clone();
    this.hint = hint;
    this.snapshot = snapshot;
  }

  /** @throws DrcError `CHECKPOINT_INVALID`. */
  static parse(text: string): Checkpoint {
    if (text.length > maxCheckpointLength) throw invalid(`it is ${text.length} characters long`);
    const bytes = Buffer.from(text, 'base64url');
    // Node skips what is not base64; of what was cut off or pasted twice nothing may be guessed.
    if (bytes.length <= headerBytes || bytes.toString('base64url') !== text)
      throw invalid('it is no base64url text');
    const version = bytes[0]!;
    if (version !== plainVersion && version !== snapshotVersion)
      throw invalid(`it has version ${version}, not ${plainVersion} or ${snapshotVersion}`);
    if (bytes.readUInt32LE(1) !== checksum(bytes)) throw invalid('its checksum is wrong');
    return new Checkpoint(fieldsOf(bytes.toString('utf8', headerBytes), version === snapshotVersion));
  }

  /** Whether the reader has this transaction (`Transaction.id`). @throws DrcError `CHECKPOINT_INVALID`. */
  covers(transactionId: string): boolean {
    return this.set.covers(transactionId);
  }

  /** @throws DrcError `CHECKPOINT_INVALID` where the set has too many holes or sources for a checkpoint. */
  toString(): string {
    const { topic, hint, snapshot } = this;
    const json = Buffer.from(JSON.stringify({ topic, set: this.set.toString(), hint, snapshot }), 'utf8');
    const bytes = Buffer.allocUnsafe(headerBytes + json.length);
    bytes[0] = snapshot === undefined ? plainVersion : snapshotVersion;
    json.copy(bytes, headerBytes);
    bytes.writeUInt32LE(checksum(bytes), 1);
    const text = bytes.toString('base64url');
    if (text.length > maxCheckpointLength) throw invalid(`it would be ${text.length} characters long`);
    return text;
  }

  toJSON(): string {
    return this.toString();
  }
}

const checksum = (bytes: Buffer): number => crc32(bytes.subarray(headerBytes), crc32(bytes.subarray(0, 1)));

function fieldsOf(json: string, hasSnapshot: boolean): CheckpointFields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw invalid('its content is no JSON', { cause });
  }
  if (!isObject(value)) throw invalid('its content is no object');
  const { topic, set, hint, snapshot } = value;
  if (typeof topic !== 'string' || typeof set !== 'string') throw invalid('it names no topic or no set');
  const fields = {
    topic,
    set: TransactionSet.parse(set),
    ...(hasSnapshot ? { snapshot: SnapshotProgress.fromJSON(snapshot) } : {}),
  };
  if (hint === undefined) return fields;
  if (!isHint(hint)) throw invalid('its hint is malformed');
  return { ...fields, hint: { lineage: hint.lineage, lsn: hint.lsn } };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isHint = (value: unknown): value is CheckpointHint =>
  isObject(value) &&
  typeof value['lineage'] === 'string' &&
  Number.isSafeInteger(value['lsn']) &&
  (value['lsn'] as number) >= 0;

const invalid = (why: string, options?: ErrorOptions): DrcError =>
  new DrcError('CHECKPOINT_INVALID', `The checkpoint cannot be read: ${why}.`, {}, options);
