import { randomFillSync } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { checksumFits } from '../../../store/src/source/event-checksum.js';

/** Random bytes with their own CRC-32 behind them. */
function sealed(length: number): Buffer {
  const bytes = randomFillSync(Buffer.alloc(length + 4));
  bytes.writeUInt32LE(crc32(bytes.subarray(0, length)), length);
  return bytes;
}

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

it('takes events of every length whose checksum is right', () => {
  const refused = Array.from({ length: 600 }, (_, length) => length).filter(
    (length) => !checksumFits(viewOf(sealed(length)), 0, length + 4),
  );
  expect(refused).toEqual([]);
});

it('refuses an event with any one bit turned over', () => {
  for (const length of [19, 60, 199, 300]) {
    const event = sealed(length);
    for (let bit = 0; bit < event.length * 8; bit += 1) {
      event[bit >> 3] = event[bit >> 3]! ^ (1 << (bit & 7));
      expect(checksumFits(viewOf(event), 0, event.length), `${length} bytes, bit ${bit}`).toBe(false);
      event[bit >> 3] = event[bit >> 3]! ^ (1 << (bit & 7));
    }
  }
});
