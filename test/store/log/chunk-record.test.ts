import { encodeChunkHeader } from '@drc/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checksumOf, ChunkVerifier, seal, unseal } from '../../../store/src/log/chunk-record.js';
import { chunkKey } from '../../../store/src/log/keys.js';

const chunkOf = (lsn: number, chunk: number, content: Uint8Array): Buffer =>
  Buffer.concat([
    encodeChunkHeader({ lsn, chunk, last: true, logTime: 5, commitTime: 6, id: '0-1-7', origin: '' }),
    content,
  ]);

test('a chunk comes back as it was stored', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(), fc.uint8Array(), (lsn, chunk, content) => {
      const bytes = chunkOf(lsn, chunk, content);
      const check = new ChunkVerifier().check(seal(chunkKey(lsn, chunk), bytes), lsn, chunk, 0);
      expect(check).toMatchObject({ kind: 'good', chunk: { lsn, chunk, id: '0-1-7', last: true, bytes } });
    }),
  );
});

test('one flipped bit anywhere makes a chunk damaged', () => {
  const stored = seal(chunkKey(3, 1), chunkOf(3, 1, Buffer.from('content')));
  for (let bit = 0; bit < stored.length * 8; bit++) {
    const flipped = Buffer.from(stored);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    expect(new ChunkVerifier().check(flipped, 3, 1, 0).kind).toBe('damaged');
  }
});

test('a chunk that is cut anywhere is damaged', () => {
  const stored = seal(chunkKey(3, 1), chunkOf(3, 1, Buffer.from('content')));
  for (let length = 0; length < stored.length; length++) {
    expect(new ChunkVerifier().check(stored.subarray(0, length), 3, 1, 0).kind).toBe('damaged');
  }
});

test('a sound chunk under the wrong key is told from a damaged one', () => {
  const stored = seal(chunkKey(9, 0), chunkOf(9, 0, Buffer.from('content')));
  expect(new ChunkVerifier().check(stored, 8, 0, 0)).toEqual({ kind: 'other', lsn: 9 });
});

test('a chunk is good only behind the chunk that it was written behind', () => {
  const [mine, another] = ['mine', 'another'].map((text) =>
    seal(chunkKey(3, 0), chunkOf(3, 0, Buffer.from(text))),
  );
  const stored = seal(chunkKey(3, 1), chunkOf(3, 1, Buffer.from('content')), checksumOf(mine!));
  expect(new ChunkVerifier().check(stored, 3, 1, checksumOf(mine!)).kind).toBe('good');
  expect(new ChunkVerifier().check(stored, 3, 1, checksumOf(another!)).kind).toBe('damaged');
  expect(new ChunkVerifier().check(stored, 3, 1, 0).kind).toBe('damaged');
});

test('a chunk whose checksum is right and whose header names another place is not taken', () => {
  const stored = seal(chunkKey(8, 0), chunkOf(9, 0, Buffer.from('content')));
  expect(new ChunkVerifier().check(stored, 8, 0, 0).kind).toBe('damaged');
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
