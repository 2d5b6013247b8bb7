import { Checkpoint, TopicsCheckpoint, TransactionSet } from '@drc/client-sdk';
import { describe, expect, it } from 'vitest';

const checkpoint = (topic: string, set: string): Checkpoint =>
  new Checkpoint({ topic, set: TransactionSet.parse(set), hint: { lineage: 'l', lsn: 7 } });

const orders = checkpoint('orders', '0-1-5');
const people = checkpoint('people', '0-2-9');
const both = new TopicsCheckpoint([people, orders]);

describe('the checkpoint of several topics', () => {
  it('has a place in each of them', () => {
    expect(both.topics).toEqual(['orders', 'people']);
    expect(both.of('orders')).toBe(orders);
    expect(both.of('other')).toBeUndefined();
    expect(both.covers('orders', '0-1-5')).toBe(true);
    expect(both.covers('orders', '0-1-6')).toBe(false);
    expect(both.covers('people', '0-2-9')).toBe(true);
    expect(both.covers('other', '0-1-5')).toBe(false);
  });

  it('comes back from its text, which is the same whatever their order', () => {
    const text = both.toString();
    expect(text).toMatch(/^[\x21-\x7e]+$/);
    expect(new TopicsCheckpoint([orders, people]).toString()).toBe(text);
    expect(JSON.stringify({ at: both })).toBe(JSON.stringify({ at: text }));
    const read = TopicsCheckpoint.parse(text);
    expect(read.topics).toEqual(['orders', 'people']);
    expect(read.of('people')?.toString()).toBe(people.toString());
    expect(read.toString()).toBe(text);
  });

  it('is read from the text of one topic, too', () => {
    const read = TopicsCheckpoint.parse(people.toString());
    expect(read.topics).toEqual(['people']);
    expect(read.of('people')?.toString()).toBe(people.toString());
  });

  it('is refused where anything of its text is missing or another', () => {
    const text = both.toString();
    const lastDot = text.lastIndexOf('.');
    const damaged = [
      '',
      text.slice(0, lastDot),
      `${text}.${orders.toString()}`,
      text.replace('topics-1.', 'topics-2.'),
      text.replace('topics-1.', 'topics-1.00000000.'),
      new TopicsCheckpoint([]).toString(),
      ...Array.from(text, (character, at) => {
        const other = character === 'A' ? 'B' : 'A';
        return text.slice(0, at) + other + text.slice(at + 1);
      }),
      ...Array.from(text, (_, at) => text.slice(0, at)),
    ];
    for (const each of damaged)
      expect(() => TopicsCheckpoint.parse(each), each).toThrow(
        expect.objectContaining({ code: 'CHECKPOINT_INVALID' }),
      );
  });
});
