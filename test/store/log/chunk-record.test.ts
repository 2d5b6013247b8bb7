import { encodeChunk } from '@drc/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  checkChunk,
  checksumOf,
  seal,
  sealBytes,
  sealChunk,
  unseal,
} from '../../../store/src/log/chunk-record.js';

const chunkOf = (lsn: number, chunk: number, content: Uint8Array): Buffer =>
  encodeChunk(
    { lsn, chunk, last: true, logTime: 5, commitTime: 6, id: '0-1-7', origin: '' },
    Buffer.from(content),
  );

function storedOf(chunk: Buffer, before = 0): Buffer {
  const stored = Buffer.concat([Buffer.alloc(sealBytes), chunk]);
  sealChunk(stored, before);
  return stored;
}

test('a chunk comes back as it was stored', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(), fc.uint8Array(), (lsn, chunk, content) => {
      const bytes = chunkOf(lsn, chunk, content);
      const check = checkChunk(storedOf(bytes), lsn, chunk, 0);
      expect(check).toMatchObject({ kind: 'good', chunk: { lsn, chunk, id: '0-1-7', last: true, bytes } });
    }),
  );
});

test('one flipped bit anywhere makes a chunk damaged', () => {
  const stored = storedOf(chunkOf(3, 1, Buffer.from('content')));
  for (let bit = 0; bit < stored.length * 8; bit++) {
    const flipped = Buffer.from(stored);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    expect(checkChunk(flipped, 3, 1, 0).kind).toBe('damaged');
  }
});

test('a chunk that is cut anywhere is damaged', () => {
  const stored = storedOf(chunkOf(3, 1, Buffer.from('content')));
  for (let length = 0; length < stored.length; length++) {
    expect(checkChunk(stored.subarray(0, length), 3, 1, 0).kind).toBe('damaged');
  }
});

test('a sound chunk under the wrong key is told from a damaged one', () => {
  const stored = storedOf(chunkOf(9, 0, Buffer.from('content')));
  expect(checkChunk(stored, 8, 0, 0)).toEqual({ kind: 'other', lsn: 9 });
});

test('a chunk is good only behind the chunk that it was written behind', () => {
  const [mine, another] = ['mine', 'another'].map((text) => storedOf(chunkOf(3, 0, Buffer.from(text))));
  const stored = storedOf(chunkOf(3, 1, Buffer.from('content')), checksumOf(mine!));
  expect(checkChunk(stored, 3, 1, checksumOf(mine!)).kind).toBe('good');
  expect(checkChunk(stored, 3, 1, checksumOf(another!)).kind).toBe('damaged');
  expect(checkChunk(stored, 3, 1, 0).kind).toBe('damaged');
});

test('a value that is read under another key fails its checksum', () => {
  const stored = seal(Buffer.from('one'), 'value');
  expect(unseal(Buffer.from('one'), stored, 'it').toString()).toBe('value');
  expect(() => unseal(Buffer.from('two'), stored, 'it')).toThrow(
    expect.objectContaining({ code: 'LOG_CORRUPT' }),
  );
  expect(() => unseal(Buffer.from('one'), stored.subarray(0, 3), 'it')).toThrow(
    expect.objectContaining({ code: 'LOG_CORRUPT' }),
  );
});
