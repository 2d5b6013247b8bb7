import { crc32 } from 'node:zlib';
import { DrcError } from './errors.js';

/*
 * Each binary WebSocket message is one frame:
 *
 *   frame   = kind u8 | crc u32 (little-endian CRC-32 of kind and payload) | payload
 *   payload = a msgpack map, see messages.ts (kind control) | the next bytes of the record stream, see record.ts (kind data)
 */
export const FrameKind = { control: 1, data: 2 } as const;
export type FrameKindCode = (typeof FrameKind)[keyof typeof FrameKind];

export const frameHeaderBytes = 5;
/** Upper limit of a frame with its header, in both directions. */
export const maxFrameBytes = 64 * 1024;
export const maxFramePayloadBytes = maxFrameBytes - frameHeaderBytes;

/** Fills in the header of a frame whose payload already stands behind the first five bytes. */
export function sealFrame(frame: Buffer, kind: FrameKindCode): Buffer {
  frame[0] = kind;
  frame.writeUInt32LE(frameCrc(frame, kind), 1);
  return frame;
}

export interface Frame {
  readonly kind: FrameKindCode;
  /** A slice of the received bytes, not a copy. */
  readonly payload: Buffer;
}

/** @throws DrcError `FRAME_CORRUPT` on a wrong CRC, `PROTOCOL_VIOLATION` where it is no frame. */
export function openFrame(frame: Buffer): Frame {
  if (frame.length <= frameHeaderBytes || frame.length > maxFrameBytes) {
    throw new DrcError('PROTOCOL_VIOLATION', `A frame of ${frame.length} bytes is outside the limits.`);
  }
  const kind = frame[0];
  if (kind !== FrameKind.control && kind !== FrameKind.data) {
    throw new DrcError('PROTOCOL_VIOLATION', `Unknown frame kind ${kind}.`);
  }
  if (frame.readUInt32LE(1) !== frameCrc(frame, kind)) {
    throw new DrcError('FRAME_CORRUPT', 'A frame does not match its CRC.');
  }
  return { kind, payload: frame.subarray(frameHeaderBytes) };
}

const kindCrc = [0, crc32(Buffer.of(FrameKind.control)), crc32(Buffer.of(FrameKind.data))] as const;

const frameCrc = (frame: Buffer, kind: FrameKindCode): number =>
  crc32(frame.subarray(frameHeaderBytes), kindCrc[kind]);
