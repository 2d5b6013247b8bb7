import { createServer } from 'node:http';
import { isLoopback } from '@drc/protocol';
import { expect, test } from 'vitest';
import { listenOnLoopback } from '../../store/src/listen.js';

test.each([
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['localhost', true],
  ['[::1]', true],
  ['LOCALHOST', true],
  ['127.0.0.1.example.org', false],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['localhost.evil.example', false],
  ['', false],
])('%s is loopback: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

test('an address that the machine does not have is a fault of the configuration', async () => {
  const server = createServer();
  const wrong = listenOnLoopback(server, { host: '127.0.0.1', port: 70_000 });
  await expect(wrong).rejects.toThrow();
});
