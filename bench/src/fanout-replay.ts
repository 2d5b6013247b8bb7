/**
 * So many readers that replay history, each from a moment of its own and again from another when it has come to the end:
 * node fanout-replay.js MANAGER READERS FROM_MS TO_MS LAST_LSN. Sends its parent `ready`, and how much they have read
 * whenever it is sent a message.
 */
import { LightReader } from './light-reader.js';
import { storePlace } from './store-place.js';

/** What a service that does something with its rows takes: so many bytes a second. */
const bytesPerSecond = 1_000_000;

const [manager = '', readers = '0', from = '0', to = '0', lastLsn = '0'] = process.argv.slice(2);
const place = await storePlace(manager);
const span = Number(to) - Number(from);
let rows = 0;
let bytes = 0;

async function replay(time: number): Promise<void> {
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const reader = await LightReader.open({
    ...place,
    from: { kind: 'timestamp', time: Math.round(time) },
    paceMs: (taken) => (taken / bytesPerSecond) * 1000,
    onTransaction: (lsn) => {
      if (lsn >= Number(lastLsn)) finish();
    },
  });
  const watch = setInterval(() => count(reader), 100);
  const seen = { rows: 0, bytes: 0 };
  function count(of: LightReader): void {
    rows += of.rows - seen.rows;
    bytes += of.bytes - seen.bytes;
    seen.rows = of.rows;
    seen.bytes = of.bytes;
  }
  await Promise.race([finished, reader.failure]);
  clearInterval(watch);
  count(reader);
  reader.close();
}

process.on('message', () => process.send!({ rows, bytes }));
process.on('disconnect', () => process.exit());
process.send!('ready');
await Promise.all(
  Array.from({ length: Number(readers) }, async (_, index) => {
    for (let round = 0; ; round += 1) await replay(Number(from) + span * (((index + round * 7) % 20) / 20));
  }),
);
