import { describe, expect, it } from 'vitest';
import { ByteWriter } from '../../../store/src/source/byte-writer.js';

describe('ByteWriter', () => {
  it('gives what was written and is empty afterwards', () => {
    const out = new ByteWriter();
    out.writeBytes(Buffer.from('one'));
    out.writeBytes(Buffer.from('two'));
    expect(out.take().toString()).toBe('onetwo');
    expect(out.length).toBe(0);
    expect(out.take()).toHaveLength(0);
  });

  it('does not touch what it gave away, small or large', () => {
    for (const bytes of [10, 60_000, 100_000, 3_000_000]) {
      const out = new ByteWriter();
      out.writeBytes(Buffer.alloc(bytes, 1));
      const taken = out.take();
      out.writeBytes(Buffer.alloc(bytes, 2));
      expect(taken.equals(Buffer.alloc(bytes, 1))).toBe(true);
      expect(out.take().equals(Buffer.alloc(bytes, 2))).toBe(true);
    }
  });

  it('keeps no more than its limit once a large value has gone', () => {
    const out = new ByteWriter(200_000);
    out.writeBytes(Buffer.alloc(5_000_000));
    out.take();
    expect(out.buffer.length).toBeLessThanOrEqual(200_000);
    out.ensure(5_000_000);
    out.take();
    expect(out.buffer.length).toBeLessThanOrEqual(200_000);
  });
});
