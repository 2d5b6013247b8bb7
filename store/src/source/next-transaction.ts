import { DrcError } from '@drc/protocol';
import { BinlogReader, type BinlogReaderOptions } from './binlog-reader.js';
import { LearnedTypes } from './learned-types.js';
import type { SourceControl } from './source-control.js';
import { StreamEnd } from './stream-end.js';
import { TransactionTrial, type NextTransaction, type TrialOptions } from './transaction-trial.js';

export interface NextTransactionOptions extends Omit<TrialOptions, 'learned'> {
  readonly control: SourceControl;
  readonly reader: Omit<BinlogReaderOptions, 'start'>;
}

/**
 * Reads the next transaction to its end. Nothing is written.
 * @returns undefined where the source has none
 * @throws DrcError `SKIP_IMPOSSIBLE` where its end cannot be told or it cannot be left out; what ends the connection
 */
export async function nextTransaction(options: NextTransactionOptions): Promise<NextTransaction | undefined> {
  const { beginning, reader: readerOptions, control } = options;
  const learned = new LearnedTypes((schema, table) => control.columnTypes(schema, table));
  const end = await StreamEnd.of(control);
  const trial = new TransactionTrial({ ...options, learned });
  await using reader = new BinlogReader({ ...readerOptions, start: beginning.start });
  for await (const batch of reader.batches()) {
    for (let index = 0; index < batch.length; index++) {
      const bytes = batch.view(index);
      const event = await trial.push(bytes);
      const isAtEnd = end.isAt(trial.place, event?.kind === 'heartbeat' ? bytes : undefined);
      if (trial.result !== undefined) return trial.result;
      if (isAtEnd && !trial.isInside) return undefined;
    }
  }
  throw new DrcError('SOURCE_LOST', 'The source ended the stream of events.');
}
