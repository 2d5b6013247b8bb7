import { crc32 } from 'node:zlib';
import { Checkpoint, maxCheckpointLength, TransactionSet } from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyText } from './support/transaction-texts.js';
import { refusal } from './support/refusal.js';

const invalid = refusal('CHECKPOINT_INVALID');
const checkpointOf = (text: string, hint?: { lineage: string; lsn: number }): Checkpoint =>
  new Checkpoint({ topic: 'shop', set: TransactionSet.parse(text), ...(hint !== undefined && { hint }) });

/** A checkpoint text around any content, with a right checksum. */
function sealed(json: string, version = 1): string {
  const body = Buffer.from(json);
  const bytes = Buffer.concat([Buffer.of(version, 0, 0, 0, 0), body]);
  bytes.writeUInt32LE(crc32(body, crc32(Buffer.of(version))), 1);
  return bytes.toString('base64url');
}

describe('a checkpoint', () => {
  it('comes back from its text with topic, set and hint', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        anyText,
        fc.option(fc.record({ lineage: fc.string(), lsn: fc.maxSafeNat() }), { nil: undefined }),
        (topic, text, hint) => {
          const set = TransactionSet.parse(text);
          const made = new Checkpoint({ topic, set, ...(hint !== undefined && { hint }) });
          const read = Checkpoint.parse(made.toString());
          expect(read.topic).toBe(topic);
          expect(read.set.toString()).toBe(set.toString());
          expect(read.hint).toEqual(hint);
          expect(read.toString()).toBe(made.toString());
        },
      ),
    );
  });

  it('has a text that fits into a URL, a file name and a JSON value as it is', () => {
    const checkpoint = checkpointOf('0-1-5', { lineage: 'ab', lsn: 7 });
    expect(checkpoint.toString()).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(JSON.stringify({ checkpoint })).toBe(`{"checkpoint":"${checkpoint.toString()}"}`);
  });

  it('keeps the text that it was first released with', () => {
    expect(Checkpoint.parse('AYldZcF7InRvcGljIjoic2hvcCIsInNldCI6IjAtMS01In0').set.toString()).toBe('0-1-5');
    expect(checkpointOf('0-1-5').toString()).toBe('AYldZcF7InRvcGljIjoic2hvcCIsInNldCI6IjAtMS01In0');
  });

  it('covers the transactions of its set', () => {
    const checkpoint = checkpointOf('0-1-5');
    expect([checkpoint.covers('0-1-5'), checkpoint.covers('0-1-6')]).toEqual([true, false]);
    expect(() => checkpoint.covers('nonsense')).toThrow(invalid);
  });

  it('does not move when the set goes on that it was made of', () => {
    const set = TransactionSet.parse('0-1-5');
    const checkpoint = new Checkpoint({ topic: 'shop', set });
    set.add('0-1-6');
    expect(checkpoint.set.toString()).toBe('0-1-5');
  });

  it('is refused after any one character was changed, left out or added', () => {
    const text = checkpointOf('0-1-5', { lineage: 'ab', lsn: 7 }).toString();
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === 'A' ? 'B' : 'A';
      expect(() => Checkpoint.parse(text.slice(0, at) + other + text.slice(at + 1))).toThrow(invalid);
      expect(() => Checkpoint.parse(text.slice(0, at) + text.slice(at + 1))).toThrow(invalid);
      expect(() => Checkpoint.parse(text.slice(0, at) + other + text.slice(at))).toThrow(invalid);
    }
  });

  it.each(['', ' ', 'AA', '-1', '9007199254740993', 'earliest', '%00', 'é'.repeat(20), 'A'.repeat(100)])(
    'is refused where it is none: %j',
    (text) => {
      expect(() => Checkpoint.parse(text)).toThrow(invalid);
    },
  );

  it('is refused with white space around it, or padding', () => {
    const text = checkpointOf('0-1-5').toString();
    for (const changed of [` ${text}`, `${text}\n`, `${text}=`])
      expect(() => Checkpoint.parse(changed)).toThrow(invalid);
  });

  it.each([
    'null',
    '[]',
    '{}',
    '{"topic":"shop"}',
    '{"topic":1,"set":""}',
    '{"topic":"shop","set":"x"}',
    '{"topic":"shop","set":"0-1-5","hint":1}',
    '{"topic":"shop","set":"0-1-5","hint":{"lineage":"a"}}',
    '{"topic":"shop","set":"0-1-5","hint":{"lineage":"a","lsn":-1}}',
    '{"topic":"shop","set":"0-1-5","hint":{"lineage":"a","lsn":9007199254740993}}',
    '{"topic":"shop","set":"0-1-5"',
  ])('is refused with a right checksum too, where its content is not a checkpoint: %s', (json) => {
    expect(() => Checkpoint.parse(sealed(json))).toThrow(invalid);
  });

  it('of another version is refused, saying so', () => {
    expect(() => Checkpoint.parse(sealed('{"topic":"shop","set":""}', 3))).toThrow(/version 3/);
  });

  it('is bounded in length, both ways', () => {
    expect(() => Checkpoint.parse('A'.repeat(maxCheckpointLength + 1))).toThrow(invalid);
    let text = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
    for (let number = 1; number < 30_000; number += 2) text += `:${number}`;
    expect(() => checkpointOf(text).toString()).toThrow(invalid);
  });
});
