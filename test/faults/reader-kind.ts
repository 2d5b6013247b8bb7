import type { SubscribeOptions } from '@drc/client-sdk';

/** What a reader asks for, and how it keeps its place. */
export interface ReaderKind {
  /** Readers of one view see the same content of a transaction. */
  readonly view: string;
  /** Readers of shares see each row once, all of them together. */
  readonly isShare: boolean;
  /** It commits every so manieth transaction. */
  readonly commitEvery: number;
  /** Its place is kept by the managers. */
  readonly isHub: boolean;
  readonly options: Pick<SubscribeOptions, 'tables' | 'partition'>;
}

const all: ReaderKind = { view: 'all', isShare: false, commitEvery: 5, isHub: false, options: {} };
const ledger: ReaderKind = { ...all, view: 'ledger', options: { tables: ['shop.ledger'] } };
const share = (index: number): ReaderKind => ({
  ...all,
  view: `share ${index}`,
  isShare: true,
  options: { partition: { of: 2, index } },
});
const hub: ReaderKind = { ...all, isHub: true };
const seldom: ReaderKind = { ...all, commitEvery: 200 };

/** All that there is. */
export const tenReaders: readonly ReaderKind[] = [
  all,
  all,
  all,
  seldom,
  ledger,
  ledger,
  share(0),
  share(1),
  hub,
  hub,
];
export const fiveReaders: readonly ReaderKind[] = [all, ledger, share(0), share(1), hub];
