import { systemClock } from '../../store/src/clock.js';
import { TransactionLog } from '../../store/src/log/transaction-log.js';
import { pino } from 'pino';

/** The ids of all transactions in a store's data folder, by LSN. @throws where the LSNs or chunks have a hole. */
export async function idsByLsn(directory: string): Promise<ReadonlyMap<number, string>> {
  await using log = await TransactionLog.open({
    directory,
    topic: 'shop',
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    diskReserveBytes: 0,
  });
  const ids = new Map<number, string>();
  const { signal } = new AbortController();
  let expected = { lsn: log.extent().oldest.lsn, chunk: 0 };
  while (expected.lsn <= log.head.value.lsn) {
    const { chunks } = await log.read(expected, { maxBytes: 1024 * 1024, signal });
    for (const { lsn, chunk, last, id } of chunks) {
      if (lsn !== expected.lsn || chunk !== expected.chunk)
        throw new Error(`${lsn}/${chunk} stands where ${expected.lsn}/${expected.chunk} should be.`);
      ids.set(lsn, id);
      expected = last ? { lsn: lsn + 1, chunk: 0 } : { lsn, chunk: chunk + 1 };
    }
  }
  return ids;
}
