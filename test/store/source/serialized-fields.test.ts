import { DrcError } from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SerializedFields } from '../../../store/src/source/serialized-fields.js';

/** As the server writes it: n - 1 ones at the low end, a zero, the value; nine bytes for what needs more than 56 bits. */
function unsigned(value: bigint): Buffer {
  for (let size = 1n; size <= 8n; size++) {
    if (value >= 1n << (7n * size)) continue;
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE((value << size) | ((1n << (size - 1n)) - 1n));
    return bytes.subarray(0, Number(size));
  }
  const bytes = Buffer.alloc(9, 0xff);
  bytes.writeBigUInt64LE(value, 1);
  return bytes;
}

const signed = (value: bigint): Buffer => unsigned(value < 0n ? -1n - value * 2n : value * 2n);

function message(fields: readonly Buffer[], lastNeeded = 0n, version = 1n): Buffer {
  const rest = Buffer.concat([
    unsigned(lastNeeded),
    ...fields.flatMap((bytes, id) => [unsigned(BigInt(id)), bytes]),
  ]);
  for (let size = rest.length; ; size++) {
    const all = Buffer.concat([unsigned(version), unsigned(BigInt(size)), rest]);
    if (all.length === size) return all;
  }
}

const reader = (bytes: Buffer): SerializedFields => new SerializedFields(bytes, 0, bytes.length);

/** Around every power of two. */
const anyNumber = fc
  .tuple(fc.integer({ min: 0, max: 64 }), fc.bigInt({ min: -2n, max: 2n }))
  .map(([bits, more]) => 2n ** BigInt(bits) + more)
  .filter((value) => value >= 0n && value < 2n ** 64n);

describe('fields in MySQL’s serialization', () => {
  it('give the numbers that were written, exactly', () => {
    fc.assert(
      fc.property(fc.array(anyNumber, { maxLength: 20 }), (values) => {
        const fields = reader(message(values.map(unsigned)));
        for (const [id, value] of values.entries()) {
          expect(fields.next()).toBe(id);
          const found = fields.unsigned();
          expect(BigInt(found)).toBe(value);
          expect(typeof found).toBe(value <= Number.MAX_SAFE_INTEGER ? 'number' : 'bigint');
        }
        expect(fields.next()).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  it('give signed numbers, exactly', () => {
    fc.assert(
      fc.property(anyNumber, fc.boolean(), (value, isNegative) => {
        const wanted = isNegative ? -(value / 2n) - 1n : value / 2n;
        const fields = reader(message([signed(wanted)]));
        fields.next();
        const found = fields.signed();
        expect(BigInt(found)).toBe(wanted);
        expect(typeof found).toBe(Number.isSafeInteger(Number(wanted)) ? 'number' : 'bigint');
      }),
      { numRuns: 1000 },
    );
  });

  it('give the examples of the format’s own description', () => {
    const read = (hex: string, how: 'signed' | 'unsigned'): unknown => {
      const fields = reader(message([Buffer.from(hex, 'hex')]));
      fields.next();
      return fields[how]();
    };
    expect(read('fbff07', 'unsigned')).toBe(65535);
    expect(read('f3ff0f', 'signed')).toBe(65535);
    expect(read('ebff0f', 'signed')).toBe(-65535);
    expect(read('fbff0f', 'signed')).toBe(-65536);
  });

  it('are bounded by the message', () => {
    const outcome = (bytes: Buffer, work: (fields: SerializedFields) => unknown): unknown => {
      try {
        return work(reader(bytes));
      } catch (error) {
        return error instanceof DrcError ? error.code : String(error);
      }
    };
    const text = message([Buffer.concat([unsigned(3n), Buffer.from('abc')])]);
    const textOf = (fields: SerializedFields): string => (fields.next(), fields.text());
    expect(outcome(text, textOf)).toBe('abc');
    expect(outcome(message([Buffer.concat([unsigned(4n), Buffer.from('abc')])]), textOf)).toBe(
      'EVENT_MALFORMED',
    );
    expect(outcome(message([]), (fields) => fields.next())).toBeUndefined();
    expect(outcome(message([]), (fields) => fields.unsigned())).toBe('EVENT_MALFORMED');
    expect(outcome(message([unsigned(256n)]), (fields) => (fields.next(), fields.fixedBytes(1)))).toBe(
      'EVENT_MALFORMED',
    );
    expect(outcome(message([], 0n, 2n), () => undefined)).toBe('UNSUPPORTED_EVENT');
    expect(outcome(Buffer.alloc(0), () => undefined)).toBe('EVENT_MALFORMED');
    expect(outcome(text.subarray(0, -1), () => undefined)).toBe('EVENT_MALFORMED');
  });
});
