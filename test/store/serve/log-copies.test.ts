import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { TicketVerifier } from '../../../store/src/serve/authorize.js';
import { HistoryReads } from '../../../store/src/serve/history-reads.js';
import { LogCopies } from '../../../store/src/serve/log-copies.js';
import { ServeCounters } from '../../../store/src/serve/serve-counters.js';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { TransactionSet } from '@drc/protocol';
import { until } from '../../support/hub.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { append, insertOf, openLog, orders, silent, source } from '../log/support/log-fixture.js';

/** The copies of a log over a port of their own; whoever comes is let in. */
async function serve(
  log: TransactionLog,
  stallMs: number,
): Promise<AsyncDisposable & { readonly url: string }> {
  const ticket = { principal: 'machine:a', issuedAt: 0, expiresAt: 1, grant: { rules: [] }, id: 'x' };
  const verifier: Pick<TicketVerifier, 'verify'> = { verify: () => ticket };
  const copies = new LogCopies({
    topic: 'shop',
    log,
    verifier: verifier as TicketVerifier,
    revocations: undefined,
    historyReads: new HistoryReads(),
    counters: new ServeCounters(),
    logger: silent,
    stallMs,
  });
  const server = createServer((request, response) => void copies.take(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/log/shop`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const ask = async (url: string): Promise<IncomingMessage> =>
  await new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer a.b.c' };
    get(url, { headers, agent: false }, resolve).on('error', reject);
  });

/** More than the buffers of two sockets take. */
async function fill(log: TransactionLog): Promise<void> {
  await log.begin(source, { file: 'binlog.000001', offset: 4 }, new TransactionSet(), true);
  log.registerTable(orders);
  for (let sequence = 1; sequence <= 30; sequence++) {
    append(log, sequence, sequence * 1000, [insertOf(orders, randomBytes(1024 * 1024))]);
    await log.flush();
  }
}

/** The first answer that is no refusal. */
async function admitted(url: string): Promise<IncomingMessage> {
  let response = await ask(url);
  await until(async () => {
    if (response.statusCode === 429) response = await ask(url);
    return response.statusCode !== 429;
  }, 'There is no place for another copy.');
  return response.on('error', () => undefined);
}

test('two stores copy at a time; one that goes makes room', async () => {
  await using folder = await temporaryFolder('copies');
  await using log = await openLog(folder.path);
  await fill(log);
  await using server = await serve(log, 600_000);
  const idle = [await admitted(server.url), await admitted(server.url)];
  const third = await ask(server.url);
  expect([third.statusCode, third.headers['drc-error']]).toEqual([429, 'RATE_LIMITED']);
  for (const response of idle) response.destroy();
  let bytes = 0;
  for await (const piece of (await admitted(server.url)) as AsyncIterable<Buffer>) bytes += piece.length;
  expect(bytes).toBeGreaterThan(30 * 1024 * 1024);
});

test('a store that takes nothing is let go in the middle', async () => {
  await using folder = await temporaryFolder('copies');
  await using log = await openLog(folder.path);
  await fill(log);
  await using server = await serve(log, 100);
  const idle = [await admitted(server.url), await admitted(server.url)];
  (await admitted(server.url)).destroy();
  const ends = idle.map(async (response) => {
    const closed = new Promise((resolve) => response.once('close', resolve));
    response.resume();
    if (!response.closed) await closed;
    return response.complete;
  });
  expect(await Promise.all(ends)).toContain(false);
});
