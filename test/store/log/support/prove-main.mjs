// Opens a log of sample transactions and reads all of it: prove-main.mjs <folder>
// Prints one line of JSON: `head` (what it opened with), `proven` (the last transaction that was read whole and right),
// `code` (of the error that ended it), `wrong` (the transaction that is not what was written).
import { writeSync } from 'node:fs';
import { pino } from 'pino';
import { TransactionLog } from '../../../../store/dist/log/transaction-log.js';
import { sampleContents } from './sample-transactions.mjs';

const [directory] = process.argv.slice(2);
const found = { head: undefined, proven: 0, code: undefined, wrong: undefined };
try {
  const log = await TransactionLog.open({
    directory,
    topic: 'shop',
    diskReserveBytes: 0,
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    logger: pino({ level: 'silent' }),
  });
  found.head = log.head.value.lsn;
  const signal = new AbortController().signal;
  let cursor = { lsn: log.extent().oldest.lsn, chunk: 0 };
  let transaction = [];
  while (cursor.lsn <= found.head && found.wrong === undefined) {
    const { chunks, next } = await log.read(cursor, { maxBytes: 64 * 1024, signal });
    for (const { lsn, last, bytes, partsAt } of chunks) {
      transaction.push(bytes.toString('latin1', partsAt + 26));
      if (!last) continue;
      if (transaction.join('|') !== sampleContents(lsn).join('|') || lsn !== found.proven + 1)
        found.wrong ??= lsn;
      found.proven = lsn;
      transaction = [];
    }
    cursor = next;
  }
} catch (error) {
  found.code = error.code ?? error.message;
}
writeSync(1, `${JSON.stringify(found)}\n`);
process.exit(0);
