/**
 * Notes when each tick arrives: node tick-listener.js sdk MANAGER TRANSACTIONS | zongji HOST:PORT:USER TRANSACTIONS.
 * Sends its parent `ready` with the first tick that it sees, and with the last one when each arrived.
 */
import { connect } from '@drc/client-sdk';
import ZongJi from '@vlasky/zongji';
import { monotonicMs } from './monotonic.js';
import { ticksTable } from './ticks.js';

const [way = '', address = '', transactions = '0'] = process.argv.slice(2);
const arrived = new Float64Array(Number(transactions));
let isReady = false;

/** Whether it was the last. */
function take(id: number): boolean {
  const now = monotonicMs();
  if (!isReady) process.send!('ready');
  isReady = true;
  if (id >= 0) arrived[id] = now;
  return id === arrived.length - 1;
}

async function listenWithSdk(): Promise<void> {
  await using hub = await connect({
    clusterManager: address,
    credentials: { machineKey: process.env['DRC_MACHINE_KEY']! },
  });
  await using ticks = hub.subscribe<{ [ticksTable]: { id: number } }>('bench', {
    from: 'latest',
    tables: [ticksTable],
  });
  for await (const tx of ticks)
    for await (const change of tx.changes) if (change.kind === 'insert' && take(change.after.id)) return;
}

async function listenWithZongji(): Promise<void> {
  const [host = '', port = '', user = ''] = address.split(':');
  const reader = new ZongJi({ host, port: Number(port), user });
  await new Promise<void>((resolve, reject) => {
    reader.on('error', reject);
    reader.on('binlog', (event: { getEventName(): string; rows?: unknown[] }) => {
      if (event.getEventName() !== 'writerows') return;
      if ((event.rows as { id: number }[]).some(({ id }) => take(id))) resolve();
    });
    reader.start({
      serverId: 77_002,
      startAtEnd: true,
      includeEvents: ['tablemap', 'writerows', 'rotate'],
    });
  });
  reader.stop();
}

await (way === 'sdk' ? listenWithSdk() : listenWithZongji());
process.send!(arrived);
