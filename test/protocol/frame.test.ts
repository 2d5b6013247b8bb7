import {
  frameHeaderBytes,
  FrameKind,
  maxFrameBytes,
  maxFramePayloadBytes,
  openFrame,
  sealFrame,
} from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { refusal } from './support/refusal.js';

const violation = refusal('PROTOCOL_VIOLATION');
const corrupt = refusal('FRAME_CORRUPT');
const frameOf = (payload: Buffer, kind: 1 | 2 = FrameKind.data): Buffer =>
  sealFrame(Buffer.concat([Buffer.alloc(frameHeaderBytes), payload]), kind);

describe('a frame', () => {
  it('opens to what was sealed in it', () => {
    for (const kind of Object.values(FrameKind))
      for (const length of [1, 100, maxFramePayloadBytes]) {
        const payload = Buffer.alloc(length, length);
        expect(openFrame(frameOf(payload, kind))).toEqual({ kind, payload });
      }
  });

  it('has the bytes that the grammar says', () => {
    expect(frameOf(Buffer.from('drc')).toString('hex')).toBe('02fd5f210d647263');
  });

  it('is refused as corrupt, which is worth a new try, whichever bit was turned', () => {
    const frame = frameOf(Buffer.from('some payload'));
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const damaged = Buffer.from(frame);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const kind = damaged[0];
      expect(() => openFrame(damaged)).toThrow(kind === 1 || kind === 2 ? corrupt : violation);
    }
  });

  it('is refused when it is empty, too long, or of an unknown kind', () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.of(1),
      Buffer.alloc(frameHeaderBytes, 1),
      Buffer.alloc(maxFrameBytes + 1, 1),
      Buffer.alloc(10),
      Buffer.alloc(10, 3),
    ])
      expect(() => openFrame(bytes)).toThrow(violation);
  });
});
