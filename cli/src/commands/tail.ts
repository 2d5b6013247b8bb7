import { type Subscription, connect, fileCheckpoints } from '@drc/client-sdk';
import { once } from 'node:events';
import { changeAsJson, changeAsText } from '../change-text.js';
import { type ClientFlags, clientOptions } from '../client-profile.js';
import { parseMoment } from '../moment.js';

export interface TailFlags extends ClientFlags {
  readonly from: string;
  readonly table?: readonly string[];
  readonly checkpoint?: string;
  readonly count?: number;
  readonly json?: boolean;
}

/** Prints changes until `signal` is aborted or `count` of them are printed. */
export async function tail(topic: string, flags: TailFlags, signal: AbortSignal): Promise<void> {
  const asJson = flags.json ?? !process.stdout.isTTY;
  await using hub = await connect({ ...(await clientOptions(flags)), client: 'drc tail' });
  await using subscription = hub.subscribe(topic, {
    from: parseMoment(flags.from, Date.now()),
    tables: flags.table ?? [],
    ...(flags.checkpoint === undefined ? {} : { checkpoints: fileCheckpoints(flags.checkpoint) }),
  });
  const stop = (): void => void subscription.close();
  signal.addEventListener('abort', stop, { once: true });
  using _complaints = reportWaiting(subscription);
  let left = flags.count ?? Number.POSITIVE_INFINITY;
  for await (const tx of subscription) {
    for await (const change of tx.changes) {
      // Asked for one more than wanted: a transaction whose last change was printed is done, and counts as such.
      if (left <= 0) return;
      const line = asJson ? changeAsJson(topic, tx, change) : changeAsText(tx, change);
      if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
      left -= 1;
    }
    await subscription.commit(tx);
    if (left <= 0) return;
  }
}

/** Says on stderr when the stream waits for a store or a manager: silence would look like "no changes". */
function reportWaiting(subscription: Subscription): Disposable {
  let said = '';
  const timer = setInterval(() => {
    const status = subscription.status();
    const error = status.kind === 'disconnected' ? status.error : undefined;
    const text = error ? `waiting: ${error.code}: ${error.message}` : '';
    if (text !== said && text) process.stderr.write(`${text}\n`);
    said = text;
  }, 1_000);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
