import { PartKind, partHeaderBytes } from '@drc/protocol';
import { expect, it } from 'vitest';
import { PartsDigest } from '../../../store/src/source/parts-digest.js';

const part = (kind: number, schema: number, images: readonly number[]): Buffer => {
  const body = Buffer.concat([
    Buffer.alloc(16, schema),
    Buffer.from([images.length, 0, 0, 0]),
    Buffer.from(images),
  ]);
  const head = Buffer.alloc(partHeaderBytes);
  head[0] = kind;
  head.writeUInt32LE(body.length, 2);
  return Buffer.concat([head, body]);
};
const digestOf = (...chunks: readonly Buffer[]) => {
  const digest = new PartsDigest();
  for (const chunk of chunks) digest.add(chunk, 0, () => 1);
  return digest.result();
};

it('is the same wherever the chunks end and whatever other tables stand between', () => {
  const whole = digestOf(part(PartKind.insert, 1, [64, 65, 66]));
  const cut = digestOf(part(PartKind.insert, 1, [64]), part(PartKind.insert, 1, [65, 66]));
  const mixed = digestOf(
    Buffer.concat([
      part(PartKind.insert, 1, [64]),
      part(PartKind.delete, 2, [70]),
      part(PartKind.insert, 1, [65, 66]),
    ]),
  );
  const id = Buffer.alloc(16, 1).toString('hex');
  expect(cut).toEqual(whole);
  expect(mixed.get(id)).toEqual(whole.get(id));
  expect(whole.get(id)!.rows).toBe(3);
});

it('differs with a value and with the operation', () => {
  const id = Buffer.alloc(16, 1).toString('hex');
  const hash = (kind: number, images: number[]) => digestOf(part(kind, 1, images)).get(id)!.hash;
  expect(hash(PartKind.insert, [64, 1])).not.toBe(hash(PartKind.insert, [64, 2]));
  expect(hash(PartKind.insert, [64, 1])).not.toBe(hash(PartKind.delete, [64, 1]));
});

it('is the same for a row of a table that looks like a sequence and for the sequence', () => {
  const row = digestOf(part(PartKind.insert, 1, [64]));
  expect(digestOf(part(PartKind.sequence, 1, [64]))).toEqual(row);
});

it('goes on from a copy without changing what was copied', () => {
  const digest = new PartsDigest();
  digest.add(part(PartKind.insert, 1, [64]), 0, () => 1);
  const before = digest.result();
  digest.clone().add(part(PartKind.insert, 1, [65]), 0, () => 1);
  expect(digest.result()).toEqual(before);
});
