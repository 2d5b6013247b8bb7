/**
 * So many live readers in one process: node fanout-live.js MANAGER READERS TRANSACTIONS.
 * Sends its parent `ready`; then, when it was sent the moments at which the transactions were committed (ms of the
 * monotonic clock), how the readers' lags are spread.
 */
import { once } from 'node:events';
import { LagHistogram } from './lag-histogram.js';
import { LightReader } from './light-reader.js';
import { monotonicMs } from './monotonic.js';
import { storePlace } from './store-place.js';

const [manager = '', readers = '0', transactions = '0'] = process.argv.slice(2);
const place = await storePlace(manager);
const arrivals: Float64Array[] = [];
const all: LightReader[] = [];
const finished: Promise<void>[] = [];
for (let index = 0; index < Number(readers); index += 1) {
  const arrived = new Float64Array(Number(transactions));
  let count = 0;
  let finish = (): void => undefined;
  finished.push(new Promise((resolve) => (finish = resolve)));
  arrivals.push(arrived);
  all.push(
    await LightReader.open({
      ...place,
      from: { kind: 'latest' },
      onTransaction: () => {
        arrived[count] = monotonicMs();
        count += 1;
        if (count === arrived.length) finish();
      },
    }),
  );
}
process.send!('ready');
const [committed] = (await once(process, 'message')) as [Float64Array];
await Promise.race([Promise.all(finished), ...all.map((reader) => reader.failure)]);
const lags = new LagHistogram();
for (const arrived of arrivals) arrived.forEach((at, index) => lags.add(at - committed[index]!));
process.send!({ counts: lags.counts, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) });
for (const reader of all) reader.close();
