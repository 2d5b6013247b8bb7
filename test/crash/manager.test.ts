import { expect, test } from 'vitest';
import { startHub, until } from '../support/hub.js';
import { HubProcess } from '../support/hub-process.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { Reading } from '../support/reading.js';

test('a cluster manager that is killed keeps what it acknowledged, and streams go on', async () => {
  await using hub = await startHub();
  await using ledger = await Ledger.open(hub.source);
  const sdk = await hub.connect();
  await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
  const read = await reading.until(await ledger.write(10));
  await hub.stopManager();
  const keys: string[] = [];
  for (const point of ['registry.before-batch', 'registry.after-batch', 'registry.after-mark']) {
    await using manager = await HubProcess.manager(hub, { point, times: 2 });
    keys.push(...(await makeKeys(hub.managerUrl, hub.administrator)));
    expect(await manager.ended()).toBe('SIGKILL');
    expect(manager.point).toBe(point);
    // Nobody is there now.
    read.push(...(await reading.until(await ledger.write(10))));
  }
  expect(keys).toHaveLength(3);

  await hub.startManager();
  for (const key of keys) {
    const headers = { authorization: `Bearer ${key}` };
    const answer = await fetch(`${hub.managerUrl}/v1/topics`, { headers });
    expect(answer.status).toBe(200);
  }
  // The store comes back by itself, and new readers find it.
  await until(() => hub.store.store.announcer.state.kind === 'announced', 'the store is announced');
  await using later = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
  expect(rowTransactions(await later.until(ledger.lastId))).toEqual(ledger.transactions);
  expect(rowTransactions(read)).toEqual(ledger.transactions);
});

/** Makes client keys until the manager is gone; those that it acknowledged. */
async function makeKeys(url: string, administrator: { name: string; password: string }): Promise<string[]> {
  const post = async (path: string, body: unknown, token = ''): Promise<Record<string, string>> => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return (await answer.json()) as Record<string, string>;
  };
  const keys: string[] = [];
  const { token } = await post('/v1/login', administrator);
  try {
    for (;;) keys.push((await post('/v1/machine-keys', { kind: 'client', topics: ['shop'] }, token))['key']!);
  } catch {
    return keys;
  }
}
