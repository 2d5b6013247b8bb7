import { DrcError } from '@drc/protocol';
import type { SourcePosition } from '../log/transaction-log.js';
import { BinlogReader, type BinlogReaderOptions } from './binlog-reader.js';
import type { Beginning } from './capture-beginning.js';
import { binlogFiles, isLaterFile, type BinlogFile } from './first-position.js';
import { LearnedTypes } from './learned-types.js';
import type { SourceControl } from './source-control.js';
import { TransactionTrial, type NextTransaction, type TrialOptions } from './transaction-trial.js';

export interface NextTransactionOptions extends Omit<TrialOptions, 'learned' | 'position'> {
  readonly control: SourceControl;
  /** Where capture goes on. */
  readonly beginning: Beginning;
  readonly reader: Omit<BinlogReaderOptions, 'start'>;
}

/** The stream has come to the end of the source: two in a row, since MySQL also sends one behind what it passes over. */
const heartbeatsAtEnd = 2;

/**
 * Reads the next transaction to its end. Nothing is written.
 * @returns undefined where the source has none
 * @throws DrcError `SKIP_IMPOSSIBLE` where its end cannot be told or it cannot be left out; what ends the connection
 */
export async function nextTransaction(options: NextTransactionOptions): Promise<NextTransaction | undefined> {
  const { beginning, reader: readerOptions, control } = options;
  const learned = new LearnedTypes((schema, table) => control.columnTypes(schema, table));
  const end = (await binlogFiles(control)).at(-1);
  const trial = new TransactionTrial({ ...options, learned, position: beginning.position });
  await using reader = new BinlogReader({ ...readerOptions, start: beginning.start });
  let heartbeats = 0;
  for await (const batch of reader.batches()) {
    for (let index = 0; index < batch.length; index++) {
      const event = await trial.push(batch.view(index));
      heartbeats = event?.kind === 'heartbeat' ? heartbeats + 1 : 0;
      if (trial.result !== undefined) return trial.result;
      if (trial.isInside) continue;
      if (heartbeats >= heartbeatsAtEnd || (end !== undefined && isAtEnd(trial.place, end))) return undefined;
    }
  }
  throw new DrcError('SOURCE_LOST', 'The source ended the stream of events.');
}

const isAtEnd = (place: SourcePosition, end: BinlogFile): boolean =>
  place.file === end.file ? place.offset >= end.size : isLaterFile(place.file, end.file);
