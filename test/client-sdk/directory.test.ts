import { describe, expect, it } from 'vitest';
import { Directory } from '../../client-sdk/src/directory.js';
import { freePort } from '../support/free-port.js';
import { FakeManager } from './support/fake-manager.js';
import { credentials } from './support/hub.js';

const signal = new AbortController().signal;
const latest = { kind: 'latest' } as const;

describe('the directory', () => {
  it('logs in once for many questions, and again when the token is about to end', async () => {
    await using manager = await FakeManager.start();
    const directory = new Directory({ addresses: [manager.address], credentials });
    await Promise.all([
      directory.topics(signal),
      directory.topics(signal),
      directory.stores('shop', latest, signal),
    ]);
    expect(manager.logins).toBe(1);
    manager.tokenLifeMs = 0;
    manager.forgetTokens();
    await directory.topics(signal);
    await directory.topics(signal);
    expect(manager.logins).toBe(3);
  });

  it('takes machine keys and tokens as they are', async () => {
    await using manager = await FakeManager.start();
    for (const given of [{ machineKey: 'machine-key' }, { token: 'machine-key' }])
      await new Directory({ addresses: [manager.address], credentials: given }).topics(signal);
    expect(manager.logins).toBe(0);
    const refused = new Directory({ addresses: [manager.address], credentials: { machineKey: 'other' } });
    await expect(refused.topics(signal)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('passes over managers that do not answer, and stays with the one that does', async () => {
    await using manager = await FakeManager.start();
    const dead = `http://127.0.0.1:${await freePort()}`;
    const directory = new Directory({ addresses: [dead, manager.address, dead], credentials });
    for (let i = 0; i < 3; i++) await directory.topics(signal);
    expect(manager.requests).toBe(4);
    await manager.goAway();
    await expect(directory.topics(signal)).rejects.toMatchObject({ code: 'MANAGER_UNREACHABLE' });
    await manager.comeBack();
    await directory.topics(signal);
  });

  it('asks the next manager where one does not know, and says what the first said where none does', async () => {
    await using first = await FakeManager.start();
    await using second = await FakeManager.start();
    const directory = new Directory({
      addresses: [first.address, second.address],
      credentials: { machineKey: 'machine-key' },
    });
    const asked = () => directory.stores('shop', latest, signal);
    for (const [status, code] of [
      [503, 'REGISTRY_UNAVAILABLE'],
      [503, 'STORE_UNAVAILABLE'],
      [410, 'RETENTION_EXPIRED'],
      [404, 'TOPIC_UNKNOWN'],
    ] as const) {
      // Whichever of the two is asked first: it stays so until it does not know.
      for (const manager of [first, second]) {
        manager.refusals.push({ status, code });
        await asked();
      }
      expect([first.refusals, second.refusals]).toEqual([[], []]);
    }
    for (const manager of [first, second])
      manager.refusals.push({ status: 410, code: 'RETENTION_EXPIRED', details: { oldest: 'then' } });
    await expect(asked()).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });
    await first.goAway();
    second.refusals.push({ status: 503, code: 'STORE_UNAVAILABLE' });
    await expect(asked()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('gives the manager a limited time', async () => {
    await using manager = await FakeManager.start();
    const directory = new Directory({ addresses: [manager.address], credentials, answerMs: 50 });
    await directory.topics(signal);
    const server = await silentServer();
    const silent = new Directory({ addresses: [server.address], credentials, answerMs: 50 });
    await expect(silent.topics(signal)).rejects.toMatchObject({ code: 'MANAGER_UNREACHABLE' });
    await server.close();
  });

  it('names the moment, and posts one that is too long for a request’s head', async () => {
    await using manager = await FakeManager.start();
    const directory = new Directory({ addresses: [manager.address], credentials });
    const long = 'x'.repeat(20_000);
    await directory.stores('shop', { kind: 'earliest' }, signal);
    await directory.stores('shop', { kind: 'timestamp', time: 7 }, signal);
    await directory.stores('shop', { kind: 'checkpoint', checkpoint: 'a&b' }, signal);
    await directory.stores('shop', { kind: 'checkpoint', checkpoint: long }, signal);
    expect(manager.questions).toEqual(['earliest', 'timestamp:7', 'checkpoint:a&b', `checkpoint:${long}`]);
  });

  it('turns refusals into errors with their code and details', async () => {
    await using manager = await FakeManager.start();
    const directory = new Directory({ addresses: [manager.address], credentials });
    manager.refusals.push(
      { status: 410, code: 'RETENTION_EXPIRED', details: { oldest: 'then', nested: { no: 1 } } },
      { status: 429, code: 'RATE_LIMITED', headers: { 'retry-after': '3' } },
      { status: 500, code: 'INTERNAL' },
    );
    const asked = () => directory.stores('shop', latest, signal);
    await expect(asked()).rejects.toMatchObject({ code: 'RETENTION_EXPIRED', details: { oldest: 'then' } });
    await expect(asked()).rejects.toMatchObject({ code: 'RATE_LIMITED', details: { retryAfterMs: 3000 } });
    await expect(asked()).rejects.toMatchObject({ code: 'MANAGER_UNREACHABLE' });
    await expect(directory.stores('shoop', latest, signal)).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
  });

  it('takes no stores whose address is none', async () => {
    await using manager = await FakeManager.start({ stores: ['http://127.0.0.1:1'] });
    const directory = new Directory({ addresses: [manager.address], credentials });
    await expect(directory.stores('shop', latest, signal)).rejects.toMatchObject({
      code: 'PROTOCOL_VIOLATION',
    });
  });

  it('takes http and https addresses only', () => {
    for (const addresses of [[], ['127.0.0.1:7370'], ['ftp://x'], ['']])
      expect(() => new Directory({ addresses, credentials })).toThrow(TypeError);
  });

  it('ends with the reason of an aborted signal', async () => {
    const server = await silentServer();
    const controller = new AbortController();
    const asked = new Directory({ addresses: [server.address], credentials: { token: 't' } }).topics(
      controller.signal,
    );
    setTimeout(() => controller.abort(new Error('enough')), 20);
    await expect(asked).rejects.toThrow('enough');
    await server.close();
  });
});

/** Takes connections and says nothing. */
async function silentServer(): Promise<{ address: string; close: () => Promise<void> }> {
  const { createServer } = await import('node:net');
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    address: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
