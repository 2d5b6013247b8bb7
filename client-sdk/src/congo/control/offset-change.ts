import type { TransactionSet } from '@drc/protocol';

/** What another record means for a task: texts of sets, one a part, as `0-1-8…0-1-20` or `uuid:5-9`. */
export interface OffsetChange {
  /** Applied already, and to be applied once more. */
  readonly repeated: readonly string[];
  /** Never applied, and to be taken for applied. */
  readonly leftOut: readonly string[];
}

/** Both ends belong to it. `first` 1 is the first transaction of all. */
interface Span {
  readonly first: bigint;
  readonly last: bigint;
}

/** A line of transactions that numbers order: a domain, a source with its tag, a binlog. */
interface Line {
  readonly spans: readonly Span[];
  readonly text: (span: Span) => string;
}

export const offsetChange = (current: TransactionSet, next: TransactionSet): OffsetChange => ({
  repeated: beyond(current, next),
  leftOut: beyond(next, current),
});

/** What `one` has and `other` has not. */
function beyond(one: TransactionSet, other: TransactionSet): string[] {
  const theirs = linesOf(other);
  return [...linesOf(one)].flatMap(([name, { spans, text }]) =>
    spans.flatMap((span) => without(span, theirs.get(name)?.spans ?? [])).map(text),
  );
}

/** @param taken sorted, not touching one another */
function without(span: Span, taken: readonly Span[]): Span[] {
  const left: Span[] = [];
  let { first } = span;
  for (const { first: from, last: to } of taken) {
    if (to < first) continue;
    if (from > span.last) break;
    if (from > first) left.push({ first, last: from - 1n });
    first = to + 1n;
  }
  if (first <= span.last) left.push({ first, last: span.last });
  return left;
}

/** By the grammar of a canonical set, see TransactionSet. */
function linesOf(set: TransactionSet): Map<string, Line> {
  const lines = new Map<string, Line>();
  for (const part of set.toString().split(',').filter(Boolean)) {
    if (part.includes('/')) addPlace(part, lines);
    else if (part.includes(':')) addSource(part, lines);
    else addDomain(part, lines);
  }
  return lines;
}

function addDomain(part: string, lines: Map<string, Line>): void {
  const [domain = '', server = '', sequence = ''] = part.split('-');
  lines.set(domain, {
    spans: [{ first: 1n, last: BigInt(sequence) }],
    text: ({ first, last }) =>
      first === last
        ? `${domain}-${server}-${last}`
        : `${domain}-${server}-${first}…${domain}-${server}-${last}`,
  });
}

function addSource(part: string, lines: Map<string, Line>): void {
  const [uuid = '', ...items] = part.split(':');
  let name = uuid;
  for (const item of items) {
    const [first, last = first] = item.split('-');
    if (first === undefined || last === undefined || !/^\d/.test(item)) {
      name = `${uuid}:${item}`;
      continue;
    }
    const source = name;
    const text = (span: Span): string =>
      `${source}:${span.first === span.last ? span.last : `${span.first}-${span.last}`}`;
    const spans = [...(lines.get(source)?.spans ?? []), { first: BigInt(first), last: BigInt(last) }];
    lines.set(source, { spans, text });
  }
}

/** A place is a file and an offset within it: both in one number, since all up to it belong to the set. */
const offsetBits = 53n;

function addPlace(part: string, lines: Map<string, Line>): void {
  const [, log = '', file = '', offset = ''] = /^(.*)\.(\d+):(\d+)$/.exec(part) ?? [];
  const place = (at: bigint): string =>
    `${log}.${String(at >> offsetBits).padStart(6, '0')}:${BigInt.asUintN(Number(offsetBits), at)}`;
  lines.set(log, {
    spans: [{ first: 1n, last: (BigInt(file) << offsetBits) + BigInt(offset) }],
    text: ({ first, last }) =>
      first === 1n ? `all up to ${place(last)}` : `after ${place(first - 1n)} up to ${place(last)}`,
  });
}
