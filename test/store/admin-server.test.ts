import { expect, test } from 'vitest';
import { AdminServer, type Readiness } from '../../store/src/admin-server.js';
import type { StoreMetrics } from '../../store/src/metrics.js';
import { silent } from './serve/store-harness.js';

const metrics = { contentType: 'text/plain; version=0.0.4', text: () => Promise.resolve('up 1\n') };

const start = (readiness: () => Readiness, port = 0, host = '127.0.0.1'): Promise<AdminServer> =>
  AdminServer.start({
    listen: { host, port },
    metrics: metrics as unknown as StoreMetrics,
    readiness,
    logger: silent,
  });

const get = async ({ address }: AdminServer, path: string, method = 'GET'): Promise<[number, string]> => {
  const response = await fetch(`http://127.0.0.1:${address.port}${path}`, { method });
  return [response.status, await response.text()];
};

test('the process is alive, its metrics can be read, and readiness says why not', async () => {
  let now: Readiness = { ready: false, reasons: ['the log is being opened'] };
  await using server = await start(() => now);
  expect(await get(server, '/livez')).toEqual([200, 'ok\n']);
  expect(await get(server, '/metrics')).toEqual([200, 'up 1\n']);
  expect(await get(server, '/readyz')).toEqual([
    503,
    '{"ready":false,"reasons":["the log is being opened"]}\n',
  ]);
  now = { ready: true, reasons: [], details: { capture: 'streaming' } };
  expect((await get(server, '/readyz'))[0]).toBe(200);
  expect((await get(server, '/other'))[0]).toBe(404);
  expect((await get(server, '/livez', 'POST'))[0]).toBe(405);
});

test('an error in a check is answered with 500 and told nobody', async () => {
  await using server = await start(() => {
    throw new Error('secret');
  });
  expect(await get(server, '/readyz')).toEqual([500, '']);
});

test('it listens on loopback only, and says which port is in use', async () => {
  await using server = await start(() => ({ ready: true, reasons: [] }));
  const ready = (): Readiness => ({ ready: true, reasons: [] });
  await expect(start(ready, server.address.port)).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  await expect(start(ready, 0, '0.0.0.0')).rejects.toMatchObject({ code: 'ADDRESS_NOT_LOOPBACK' });
});

test('closing twice is fine', async () => {
  const server = await start(() => ({ ready: true, reasons: [] }));
  await Promise.all([server.close(), server.close()]);
});
