import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startTcpProxy } from './tcp-proxy.js';

/** Sends back whatever it gets. */
async function startEcho(): Promise<AsyncDisposable & { host: string; port: number; chunks: number[] }> {
  const chunks: number[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      chunks.push(bytes.length);
      socket.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    chunks,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Everything that comes until the end of the connection, or until `length` bytes are there. */
function receive(
  socket: Socket,
  length = Infinity,
): Promise<{ bytes: Buffer; end: 'full' | 'fin' | 'reset' }> {
  let bytes = Buffer.alloc(0);
  return new Promise((resolve) => {
    const finish = (end: 'full' | 'fin' | 'reset'): void => resolve({ bytes, end });
    socket.on('data', (more: Buffer) => {
      bytes = Buffer.concat([bytes, more]);
      if (bytes.length >= length) finish('full');
    });
    socket.once('end', () => finish('fin'));
    socket.once('error', () => finish('reset'));
  });
}

const message = Buffer.from('0123456789'.repeat(10));

test('without a fault the proxy changes nothing', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo);
  const socket = connect(proxy.port, proxy.host);
  const big = Buffer.alloc(3_000_000, 'x');
  socket.end(big);
  const { bytes, end } = await receive(socket);
  expect([bytes.equals(big), end, proxy.strikes]).toEqual([true, 'fin', 0]);
  expect(proxy.passed('toServer')).toBe(big.length);
});

test('a cut comes after exactly the bytes asked for', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo);
  proxy.set({ kind: 'cutAfter', bytes: 37, direction: 'toClient' });
  const socket = connect(proxy.port, proxy.host);
  socket.write(message);
  const { bytes, end } = await receive(socket);
  expect([bytes.length, end, proxy.strikes]).toEqual([37, 'reset', 1]);
});

test('one bit at the offset is turned over', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo);
  proxy.set({ kind: 'flip', offset: 42, direction: 'toClient' });
  const socket = connect(proxy.port, proxy.host);
  socket.write(message);
  const { bytes } = await receive(socket, message.length);
  const expected = Buffer.from(message);
  expected[42]! ^= 1;
  expect(bytes.equals(expected)).toBe(true);
  socket.destroy();
});

test('a dribble arrives whole, a byte at a time', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo);
  proxy.set({ kind: 'dribble', direction: 'toServer' });
  const socket = connect(proxy.port, proxy.host);
  socket.write(message);
  const { bytes } = await receive(socket, message.length);
  expect(bytes.equals(message)).toBe(true);
  expect(echo.chunks.length).toBeGreaterThan(1);
  socket.destroy();
});

test('a stall holds everything back and its end lets it go', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo);
  const socket = connect(proxy.port, proxy.host);
  socket.write(message);
  await receive(socket, message.length);
  proxy.set({ kind: 'stall' });
  const second = receive(socket, message.length);
  socket.write(message);
  await sleep(100);
  expect(proxy.passed('toServer')).toBe(message.length);
  proxy.set({ kind: 'none' });
  expect((await second).bytes.equals(message)).toBe(true);
  expect(proxy.strikes).toBe(2);
  socket.destroy();
});

test('a half-close ends one direction only', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo);
  const socket = connect({ port: proxy.port, host: proxy.host, allowHalfOpen: true });
  socket.write(message);
  await receive(socket, message.length);
  const ended = receive(socket);
  proxy.halfClose('toClient');
  expect((await ended).end).toBe('fin');
  socket.write(message);
  await expect.poll(() => proxy.passed('toServer'), { timeout: 30_000 }).toBe(2 * message.length);
  socket.destroy();
});

test('refused connections never reach the server', async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy(echo);
  proxy.set({ kind: 'refuse' });
  const socket = connect(proxy.port, proxy.host);
  socket.write(message);
  const { bytes, end } = await receive(socket);
  expect([bytes.length, end, proxy.connections]).toEqual([0, 'reset', 0]);
});
