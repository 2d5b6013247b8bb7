import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { isPlainValue, maxNesting } from '../../protocol/src/plain-value.js';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.of(0xc0)]);

describe('a plain value', () => {
  it('is any JSON value, numbers and bytes of any width included', () => {
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: maxNesting - 2, depthSize: 'small' },
        fc.constant(null),
        fc.boolean(),
        fc.double(),
        fc.integer(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom('x'.repeat(40), 'x'.repeat(300), 'x'.repeat(70_000)),
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        fc.array(tie('value'), { maxLength: 20 }),
        fc.dictionary(fc.string(), tie('value'), { maxKeys: 20 }),
      ),
    }));
    fc.assert(
      fc.property(value, (item) => {
        const bytes = Buffer.from(packr.pack(item));
        expect(isPlainValue(bytes)).toBe(true);
        expect(isPlainValue(Buffer.concat([bytes, bytes]))).toBe(false);
        expect(isPlainValue(bytes.subarray(0, -1))).toBe(false);
      }),
    );
  });

  it('is not nested deeper than the limit', () => {
    expect(isPlainValue(nested(maxNesting))).toBe(true);
    expect(isPlainValue(nested(maxNesting + 1))).toBe(false);
  });

  it('is found to be none, or one, in any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(typeof isPlainValue(Buffer.from(bytes))).toBe('boolean');
      }),
      { numRuns: 20_000 },
    );
  });
});
