import { DrcError } from '@drc/protocol';
import { EventBytes, malformedEvent } from './event-bytes.js';
import { EventCutter } from './event-cutter.js';
import type { RawEvents } from './raw-events.js';
import { unpackedPieces, type Zstd } from './zstd.js';

/*
 * TRANSACTION_PAYLOAD, MySQL's compressed transaction: all of a group behind its GTID event.
 *
 *   body   = field * | 0 | payload
 *   field  = type | length of value | value            all of them packed integers
 *   type   = 1: bytes of the payload | 2: compression (0: zstd, 255: none) | 3: bytes of the payload once unpacked
 *   payload, unpacked = event *                        each with its header, none with a CRC
 *
 *   (libs/mysql/binlog/event/codecs/binary.cpp)
 */

const Field = { end: 0, payloadBytes: 1, compression: 2, unpackedBytes: 3 } as const;
const Compression = { zstd: 0, none: 255 } as const;

interface PayloadHeader {
  readonly compression: number;
  /** Undefined where the event does not say; MySQL always does for a compressed payload. */
  readonly unpackedBytes: number | undefined;
  readonly payloadAt: number;
}

/** Uncompressed events are looked through in pieces of this size, so that each step is short. */
const pieceBytes = 128 * 1024;

/**
 * The events of a compressed transaction, in order. Each step unpacks at most 128 KiB and gives what events are
 * complete then, which can be none; the caller should let others run between steps. What is held is the window of the
 * compression (2 MiB at MySQL's default level), one step, and the largest single event.
 *
 * Nothing here stands at a place of its own in the file: an event's end position is 0. Events carry no CRC: that of the
 * TRANSACTION_PAYLOAD event has been checked.
 *
 * The loop may be left at any point: what the decompressor holds is then given back.
 *
 * @param bodyAt behind the header of the event
 * @param end before its CRC
 * @throws DrcError `EVENT_MALFORMED`; `UNSUPPORTED_EVENT` for a compression or a field that is not known. No place is
 *   in its details.
 */
export function* unpackedEvents(
  zstd: Zstd,
  event: Buffer,
  bodyAt: number,
  end: number,
): Generator<RawEvents, void, undefined> {
  const { compression, unpackedBytes, payloadAt } = parseHeader(event, bodyAt, end);
  const payload = event.subarray(payloadAt, end);
  const pieces = compression === Compression.zstd ? unpackedPieces(zstd, payload) : cutInPieces(payload);
  const cutter = new EventCutter(unpackedBytes ?? payload.length);
  for (const piece of pieces) yield cutter.cut(piece);
  cutter.finish();
}

function parseHeader(event: Buffer, bodyAt: number, end: number): PayloadHeader {
  const bytes = new EventBytes(event, bodyAt, end, 'header of a TRANSACTION_PAYLOAD');
  const values = new Map<number, number>();
  for (let type = bytes.packed(); type !== Field.end; type = bytes.packed()) {
    const valueEnd = bytes.packed() + bytes.at;
    // The servers leave a field out that they do not know; here it stops, until somebody has seen what it means.
    if (type > Field.unpackedBytes) throw unsupported(`field ${type} in its header`);
    if (values.has(type)) throw malformedEvent('compressed transaction with a field that comes twice');
    values.set(type, bytes.packed());
    if (bytes.at !== valueEnd) throw malformedEvent('compressed transaction with a field of a wrong length');
  }
  const compression = values.get(Field.compression);
  if (compression !== Compression.zstd && compression !== Compression.none)
    throw unsupported(`compression ${compression ?? 'that is not named'}`);
  const unpackedBytes = values.get(Field.unpackedBytes);
  if (unpackedBytes === undefined && compression === Compression.zstd)
    throw malformedEvent('compressed transaction that does not say how much it holds');
  if (values.get(Field.payloadBytes) !== end - bytes.at)
    throw malformedEvent('compressed transaction whose payload has another length');
  return { compression, unpackedBytes, payloadAt: bytes.at };
}

function* cutInPieces(payload: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at < payload.length; at += pieceBytes) yield payload.subarray(at, at + pieceBytes);
}

const unsupported = (what: string): DrcError =>
  new DrcError(
    'UNSUPPORTED_EVENT',
    `A compressed transaction has ${what}, which this version does not know.`,
  );
