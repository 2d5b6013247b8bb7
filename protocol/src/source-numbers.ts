import { Sequence, type SequenceNumber } from './sequence-number.js';

/** A stretch of one MySQL source; both ends belong to it. */
export interface Interval {
  readonly first: SequenceNumber;
  readonly last: SequenceNumber;
}

/**
 * The numbers of one MySQL source (a uuid, or a uuid with a tag): sorted, disjoint, with a hole between each two.
 * Never changed in place, so that clones share it; the newest interval stands apart, so that going on in order
 * costs the same however many holes are older.
 */
export interface SourceNumbers {
  readonly older: readonly Interval[];
  readonly newest: Interval;
}

export const intervalText = ({ first, last }: Interval): string =>
  first === last ? String(first) : `${first}-${last}`;

export const intervalsOf = ({ older, newest }: SourceNumbers): Interval[] => [...older, newest];

export const single = (number: SequenceNumber): SourceNumbers => ({
  older: [],
  newest: { first: number, last: number },
});

/** Sorts and joins what touches. The list must not be empty. */
export function joined(list: Interval[]): SourceNumbers {
  list.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const older: Interval[] = [];
  let newest = list[0]!;
  for (const interval of list) {
    if (interval.first > Sequence.next(newest.last)) {
      older.push(newest);
      newest = interval;
    } else if (interval.last > newest.last) {
      newest = { first: newest.first, last: interval.last };
    }
  }
  return { older, newest };
}

export function withNumber(numbers: SourceNumbers, number: SequenceNumber): SourceNumbers {
  const { older, newest } = numbers;
  const following = Sequence.next(newest.last);
  if (number === following) return { older, newest: { first: newest.first, last: number } };
  if (number > following) return { older: [...older, newest], newest: { first: number, last: number } };
  const interval = { first: number, last: number };
  return includes(numbers, interval) ? numbers : joined([...older, newest, interval]);
}

/** Whether one interval of the source holds all of this one: two that touch are never apart. */
export function includes({ older, newest }: SourceNumbers, { first, last }: Interval): boolean {
  if (first >= newest.first) return last <= newest.last;
  let low = 0;
  let high = older.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const interval = older[middle]!;
    if (first < interval.first) high = middle - 1;
    else if (first > interval.last) low = middle + 1;
    else return last <= interval.last;
  }
  return false;
}
