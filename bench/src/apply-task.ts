/*
 * A task in a process of its own: apply-task.js <JSON: ApplyTaskInput>. Says when it begins and when so many source
 * transactions are applied.
 */
import { connect } from '@drc/client-sdk';
import { Congo } from '@drc/client-sdk/congo';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ApplyTaskInput {
  readonly url: string;
  readonly port: number;
  readonly transactions: number;
  readonly atomic: 'transaction' | 'row';
}

const input = JSON.parse(process.argv[2]!) as ApplyTaskInput;
const hub = await connect({
  clusterManager: input.url,
  credentials: { machineKey: process.env['DRC_MACHINE_KEY']! },
});
const congo = new Congo({
  hub,
  task: 'bench',
  topic: 'bench',
  tables: [{ from: 'bench.*' }],
  atomic: input.atomic,
  target: { host: '127.0.0.1', port: input.port, user: 'root', password: '' },
});
const stop = new AbortController();
const beganAt = Date.now();
const running = congo.run(stop.signal);
running.catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
while (congo.counters.transactions < input.transactions) await sleep(5);
process.send!({ seconds: (Date.now() - beganAt) / 1000, counters: congo.counters });
stop.abort();
await running;
await hub[Symbol.asyncDispose]();
process.disconnect();
