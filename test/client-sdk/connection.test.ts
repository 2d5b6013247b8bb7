import { isDrcError, type DrcError } from '@drc/protocol';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { Connection, type ConnectionOptions } from '../../client-sdk/src/connection.js';

/** How a connection to a server that behaves like this ends. */
async function endOf(
  behave: (socket: WebSocket) => void,
  options: ConnectionOptions = {},
): Promise<DrcError> {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', behave);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  let connection: Connection | undefined;
  const error = await new Promise<DrcError>((ended) => {
    const listener = { opened: () => undefined, frame: () => undefined, ended };
    connection = new Connection(`ws://127.0.0.1:${port}`, 'ticket', listener, options);
  });
  await connection!.close();
  for (const socket of sockets.clients) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
  return error;
}

const rawSocket = (socket: WebSocket): { write(bytes: Buffer): void } =>
  (socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket;

describe('a connection', () => {
  it('ends when the store has been silent for too long', async () => {
    const error = await endOf(() => undefined, { silenceMs: 90 });
    expect(error.code).toBe('CONNECTION_LOST');
    expect(error.message).toContain('silent');
  });

  it('lives on pings', async () => {
    let pings = 0;
    const error = await endOf(
      (socket) => {
        const timer = setInterval(() => {
          if (++pings <= 30) return socket.ping();
          clearInterval(timer);
          socket.close(1001, 'enough');
        }, 20);
      },
      { silenceMs: 400 },
    );
    expect(pings).toBe(31);
    expect(error).toMatchObject({ code: 'CONNECTION_LOST', details: { closeCode: 1001 } });
  });

  it('can be tried again after any damage below the frames', async () => {
    const damages: Record<string, (socket: WebSocket) => void> = {
      'a text message': (socket) => socket.send('text'),
      'a message that is too long': (socket) => socket.send(Buffer.alloc(65_537)),
      'a pong': (socket) => socket.pong(),
      'a ping with content': (socket) => socket.ping('x'),
      'a reserved bit': (socket) => rawSocket(socket).write(Buffer.of(0xc2, 1, 1)),
      'a masked frame': (socket) => rawSocket(socket).write(Buffer.of(0x82, 0x81, 0, 0, 0, 0, 1)),
      'an unknown opcode': (socket) => rawSocket(socket).write(Buffer.of(0x83, 1, 1)),
    };
    for (const [damage, behave] of Object.entries(damages)) {
      const error = await endOf(behave);
      expect(isDrcError(error, 'FRAME_CORRUPT'), damage).toBe(true);
      expect(error.retryable).toBe(true);
    }
  });

  it('tells an address where nobody listens as a lost connection', async () => {
    const error = await new Promise<DrcError>((ended) => {
      const listener = { opened: () => undefined, frame: () => undefined, ended };
      void new Connection('ws://127.0.0.1:1', 'ticket', listener);
    });
    expect(error.code).toBe('CONNECTION_LOST');
  });

  it('does not carry a ticket without TLS to another machine, unless that is asked for', async () => {
    const listener = { opened: () => undefined, frame: () => undefined, ended: () => undefined };
    const open = (address: string, options?: ConnectionOptions) =>
      new Connection(address, 'ticket', listener, options);
    for (const address of ['ws://192.0.2.1:7380', 'ws://store-1.internal:7380', 'ws://[2001:db8::1]:1'])
      expect(() => open(address)).toThrow(expect.objectContaining({ code: 'PLAINTEXT_REFUSED' }));
    await open('ws://192.0.2.1:7380', { transport: { plaintext: 'allow' } }).close();
    await open('wss://192.0.2.1:7380').close();
  });
});
