import { deflateRawSync } from 'node:zlib';
import { FrameKind, maxFrameBytes, sealFrame } from '@drc/protocol';
import jwt from 'jsonwebtoken';
import { Packr } from 'msgpackr';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AdminServer } from '../../store/src/admin-server.js';
import { StoreMetrics } from '../../store/src/metrics.js';
import { insertInto, tableVersion, type FakeLog } from '../store/serve/fake-log.js';
import { RawClient, Refused } from '../store/serve/raw-client.js';
import { eventually, Signer, silent, StoreHarness } from '../store/serve/store-harness.js';
import { socketBelow, talk, webSocketFrame } from './attacker.js';

/*
 * Attacks on the readers' port of one store. Each ends in a refusal that names its reason, and in a counter of /metrics;
 * after each of them the witness, who has been reading since before the first, gets the next transaction.
 */

const orders = tableVersion('shop.orders');

let store: StoreHarness<FakeLog>;
let admin: AdminServer;
let witness: RawClient;

beforeAll(async () => {
  store = await StoreHarness.start({
    limits: { headersMs: 2000, greetingMs: 3000, maxSessionsPerPrincipal: 5, maxPendingPerAddress: 20 },
  });
  store.log.register(orders);
  const { server, log } = store;
  const metrics = new StoreMetrics({
    topic: 'shop',
    now: () => Date.now(),
    extent: () => log.extent(),
    logBytes: () => undefined,
    capture: () => undefined,
    captureState: () => 'streaming',
    serve: () => server.counters,
    sessions: () => server.sessions,
  });
  const listen = { host: '127.0.0.1', port: 0 };
  admin = await AdminServer.start({
    listen,
    metrics,
    readiness: () => ({ ready: true, reasons: [] }),
    logger: silent,
  });
  witness = await store.client({ ticket: store.signer.sign({ sub: 'witness' }) });
  await witness.start({ from: { kind: 'latest' } });
});

afterAll(async () => {
  await admin.close();
  await store[Symbol.asyncDispose]();
});

/** What /metrics says of refusals, by reason. */
async function refusals(): Promise<Map<string, number>> {
  const response = await fetch(`http://127.0.0.1:${admin.address.port}/metrics`);
  const lines = (await response.text()).matchAll(
    /^drc_store_refusals_total\{(?:[^}]*,)?reason="([^"]+)"[^}]*\} (\d+)$/gm,
  );
  return new Map([...lines].map(([, reason, count]) => [reason!, Number(count)]));
}

/** Counts `reason` at least once for what `attack` does, and leaves the others alone. */
async function isRefused(reason: string, attack: () => Promise<unknown>): Promise<void> {
  const before = (await refusals()).get(reason) ?? 0;
  await attack();
  await eventually(async () => {
    expect((await refusals()).get(reason) ?? 0).toBeGreaterThan(before);
  });
  const lsn = store.log.append([insertInto(orders, `after ${reason}`)]);
  await witness.transaction(lsn);
}

async function refusalOf(opening: Promise<RawClient>): Promise<string> {
  const error = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Refused)) throw new Error('It was let in.', { cause: error });
  expect(error.body).toBe('');
  return `${error.status} ${error.code}`;
}

async function endOf(client: RawClient): Promise<string> {
  const { code, reason } = await client.closed();
  return `${code} ${reason}`.trim();
}

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const seconds = (): number => Math.floor(Date.now() / 1000);
const frameOf = (payload: Buffer): Buffer =>
  sealFrame(Buffer.concat([Buffer.alloc(5), payload]), FrameKind.control);

// --- Tickets --------------------------------------------------------------------------------------------------

const tickets: readonly [what: string, ticket: () => string, refusal: string][] = [
  [
    'alg none',
    () => `${base64({ alg: 'none', kid: store.signer.kid })}.${base64(store.signer.claims())}.`,
    '401 UNAUTHENTICATED',
  ],
  [
    'HS256, signed with the public key',
    () => {
      const { signer } = store;
      const secret = signer.publicKey.export({ type: 'spki', format: 'pem' }).toString();
      return jwt.sign(signer.claims(), secret, { algorithm: 'HS256', keyid: signer.kid });
    },
    '401 UNAUTHENTICATED',
  ],
  [
    'a key of its own under a known name',
    () => new Signer().sign({}, { kid: store.signer.kid }),
    '401 UNAUTHENTICATED',
  ],
  [
    'a key that it brings along',
    () => {
      const own = new Signer();
      return own.sign({}, { jwk: own.jwk, jku: 'http://127.0.0.1:1/keys', x5u: 'http://127.0.0.1:1/cert' });
    },
    '401 UNAUTHENTICATED',
  ],
  ['the audience of the manager', () => store.signer.sign({ aud: 'drc-manager:main' }), '403 FORBIDDEN'],
  ['another topic', () => store.signer.sign({ aud: 'drc-store:main/crm' }), '403 FORBIDDEN'],
  ['another cluster', () => store.signer.sign({ iss: 'drc:other' }), '401 UNAUTHENTICATED'],
  [
    'an end that has passed',
    () => store.signer.sign({ iat: seconds() - 120, exp: seconds() - 60 }),
    '401 TICKET_EXPIRED',
  ],
  ['an exp in milliseconds', () => store.signer.sign({ exp: Date.now() + 300_000 }), '401 UNAUTHENTICATED'],
  [
    'an iat in the future',
    () => store.signer.sign({ iat: seconds() + 3600, exp: seconds() + 3900 }),
    '401 UNAUTHENTICATED',
  ],
  [
    'a grant that was widened',
    () => {
      const [head, , signature] = store.signer.sign().split('.');
      return `${head}.${base64({ ...store.signer.claims(), sub: 'admin' })}.${signature}`;
    },
    '401 UNAUTHENTICATED',
  ],
  [
    'a restriction that this store does not know',
    () => store.signer.sign({ grant: { mayRead: '*' } }),
    '403 FORBIDDEN',
  ],
];

test.each(tickets)('a ticket with %s is refused before the upgrade', async (_, ticket, refusal) => {
  await isRefused(refusal.split(' ')[1]!, async () => {
    expect(await refusalOf(store.client({ ticket: ticket() }))).toBe(refusal);
  });
});

test('a ticket that is too long is none', async () => {
  await isRefused('request', async () => {
    const ticket = `${base64({ alg: 'ES256' })}.${'A'.repeat(9_000)}.AAAA`;
    const head = `GET /v1/stream/shop HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`;
    const answer = await talk(
      store.server.address.port,
      `${head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer ${ticket}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });
});

// --- Before the upgrade ---------------------------------------------------------------------------------------

test('a flood of headers is cut off', async () => {
  await isRefused('request', async () => {
    const flood = Array.from({ length: 2000 }, (_, n) => `x-${n}: ${'y'.repeat(20)}\r\n`).join('');
    expect(await talk(store.server.address.port, `GET / HTTP/1.1\r\n${flood}\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });
});

test('what is no HTTP is cut off', async () => {
  await isRefused('request', async () => {
    expect(await talk(store.server.address.port, Buffer.alloc(100, 0xff))).toMatch(/^HTTP\/1\.1 400 /);
  });
});

test('connections that say nothing are bounded for each address', async () => {
  await isRefused('addressLimit', async () => {
    const sockets = Array.from({ length: 40 }, () =>
      connect(store.server.address.port, '127.0.0.1').on('error', () => undefined),
    );
    await Promise.race(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    for (const socket of sockets) socket.destroy();
  });
  await eventually(async () => {
    await using client = await RawClient.open({ url: store.url, ticket: store.signer.sign() });
    await client.start();
  });
});

test('a page in a browser gets nowhere, whatever it knows', async () => {
  await isRefused('FORBIDDEN', async () => {
    const headers = { origin: 'https://evil.example' };
    expect(await refusalOf(store.client({ headers }))).toBe('403 FORBIDDEN');
  });
});

test('sessions of one principal are bounded', async () => {
  await isRefused('RATE_LIMITED', async () => {
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => store.client({ ticket: store.signer.sign({ sub: 'greedy' }) })),
    );
    expect(await refusalOf(store.client({ ticket: store.signer.sign({ sub: 'greedy' }) }))).toBe(
      '429 RATE_LIMITED',
    );
    for (const client of clients) await client[Symbol.asyncDispose]();
  });
});

// --- After the upgrade ----------------------------------------------------------------------------------------

const extension = (type: number): Buffer =>
  Buffer.from([0x81, 0xa4, ...Buffer.from('type'), 0xc7, 0x02, type, 0x00, 0x00]);
const nested = (depth: number): Buffer =>
  Buffer.concat([
    Buffer.from([0x81, 0xa4]),
    Buffer.from('type'),
    Buffer.alloc(depth, 0x91),
    Buffer.from([0xc0]),
  ]);
const plain = new Packr({ useRecords: false });
const hello = (more: object): Buffer =>
  plain.pack({ type: 'hello', versions: [1], client: 'raw', topic: 'shop', ...more });

const frames: readonly [what: string, bytes: () => Buffer, reason: string, end: RegExp][] = [
  [
    'longer than any message',
    () => webSocketFrame(Buffer.alloc(maxFrameBytes + 1)),
    'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
    /^1009/,
  ],
  [
    'that claim a terabyte',
    () => webSocketFrame(Buffer.alloc(10), { length: 2 ** 40 }),
    'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
    /^1009/,
  ],
  [
    'that unpack to a gigabyte',
    () => webSocketFrame(deflateRawSync(Buffer.alloc(64 * 1024 * 1024)).subarray(0, 60_000), { rsv1: true }),
    'WS_ERR_UNEXPECTED_RSV_1',
    /^1002/,
  ],
  [
    'without a mask',
    () => webSocketFrame(Buffer.from('x'), { masked: false }),
    'WS_ERR_EXPECTED_MASK',
    /^1002/,
  ],
  [
    'of a kind that there is not',
    () => webSocketFrame(Buffer.from('x'), { opcode: 5 }),
    'WS_ERR_INVALID_OPCODE',
    /^1002/,
  ],
  [
    'of text',
    () => webSocketFrame(Buffer.from('{}'), { opcode: 1 }),
    'PROTOCOL_VIOLATION',
    /^1003 PROTOCOL_VIOLATION/,
  ],
  [
    'of broken text',
    () => webSocketFrame(Buffer.from([0xff, 0xfe]), { opcode: 1 }),
    'WS_ERR_INVALID_UTF8',
    /^1007/,
  ],
  ['that are empty', () => webSocketFrame(Buffer.alloc(0)), 'PROTOCOL_VIOLATION', /^1007 PROTOCOL_VIOLATION/],
  [
    'with a wrong checksum',
    () => webSocketFrame(Buffer.alloc(40, 1)),
    'FRAME_CORRUPT',
    /^1007 FRAME_CORRUPT/,
  ],
  [
    'that are nested deep',
    () => webSocketFrame(frameOf(nested(60_000))),
    'PROTOCOL_VIOLATION',
    /^1007 PROTOCOL_VIOLATION/,
  ],
  [
    'with a msgpack extension',
    () => webSocketFrame(frameOf(extension(1))),
    'PROTOCOL_VIOLATION',
    /^1007 PROTOCOL_VIOLATION/,
  ],
  [
    'with a record definition',
    () => webSocketFrame(frameOf(new Packr({ useRecords: true }).pack({ type: 'hello', versions: [1] }))),
    'PROTOCOL_VIOLATION',
    /^1007 PROTOCOL_VIOLATION/,
  ],
  [
    'that claim more than they hold',
    () => webSocketFrame(frameOf(Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]))),
    'PROTOCOL_VIOLATION',
    /^1007 PROTOCOL_VIOLATION/,
  ],
  [
    'of a type that objects have',
    () => webSocketFrame(frameOf(plain.pack({ type: 'constructor' }))),
    'PROTOCOL_VIOLATION',
    /^1007 PROTOCOL_VIOLATION/,
  ],
  [
    'out of turn',
    () => webSocketFrame(frameOf(plain.pack({ type: 'credit', bytes: 1 }))),
    'PROTOCOL_VIOLATION',
    /^1008 PROTOCOL_VIOLATION/,
  ],
  [
    'for another topic',
    () => webSocketFrame(frameOf(hello({ topic: 'crm' }))),
    'WRONG_STORE',
    /^1008 WRONG_STORE/,
  ],
];

test.each(frames)('frames %s end their session', async (_, bytes, reason, end) => {
  await isRefused(reason, async () => {
    const attack = bytes();
    const client = await store.client();
    socketBelow(client.webSocket).write(attack);
    expect(await endOf(client)).toMatch(end);
  });
});

test('what a message has beside its fields does not reach the prototype of anything', async () => {
  const client = await store.client();
  // {"__proto__": {"polluted": true}} as msgpack has it; JavaScript's own literals would set the prototype.
  const proto = Buffer.concat([
    Buffer.from([0xa9]),
    Buffer.from('__proto__'),
    plain.pack({ polluted: true }),
  ]);
  const rest = hello({});
  const map = Buffer.concat([Buffer.from([0x85]), proto, rest.subarray(rest[0] === 0xde ? 3 : 1)]);
  socketBelow(client.webSocket).write(webSocketFrame(frameOf(map)));
  const answered = await client.until(({ kind }) => kind === 'message' || kind === 'closed');
  expect(answered).toMatchObject(
    answered.kind === 'closed' ? { reason: 'PROTOCOL_VIOLATION' } : { message: { type: 'welcome' } },
  );
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  const lsn = store.log.append([insertInto(orders, 'after __proto__')]);
  await witness.transaction(lsn);
});

test('a table whose columns are named like what objects have is delivered as it is', async () => {
  const odd = {
    ...tableVersion('shop.odd'),
    columns: ['__proto__', 'constructor', 'toString'].map((name) => ({
      name,
      type: 'int' as const,
      nullable: true,
    })),
  };
  store.log.register(odd);
  const client = await store.client();
  await client.start({ tables: ['shop.odd'] });
  const lsn = store.log.append([insertInto(odd, 'x')]);
  await client.transaction(lsn);
  const schema = client.received.find((item) => item.kind === 'schema');
  expect(schema?.kind === 'schema' && schema.version.columns.map(({ name }) => name)).toEqual([
    '__proto__',
    'constructor',
    'toString',
  ]);
});

test('who never ends a head, a frame or a silence is let go', async () => {
  const { port } = store.server.address;
  const endlessHead = async (): Promise<void> => {
    const head = 'GET /v1/stream/shop HTTP/1.1\r\nHost: x\r\n';
    const answer = await talk(port, head, (socket) => dribble(socket, 'x: y\r\n'));
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  };
  const silence = async (): Promise<void> => {
    expect(await endOf(await store.client())).toBe('1008 PROTOCOL_VIOLATION');
  };
  const endlessFrame = async (): Promise<void> => {
    const client = await store.client();
    const socket = socketBelow(client.webSocket);
    socket.write(webSocketFrame(Buffer.alloc(50_000)).subarray(0, 14));
    const dribbling = dribble(socket, 'x');
    expect(await endOf(client)).toBe('1008 PROTOCOL_VIOLATION');
    await dribbling;
  };
  await isRefused('request', () =>
    isRefused('PROTOCOL_VIOLATION', () => Promise.all([endlessHead(), silence(), endlessFrame()])),
  );
});

test('nobody gets at the metrics by another name', async () => {
  const url = `http://127.0.0.1:${admin.address.port}`;
  expect((await fetch(`${url}/metrics/../etc`)).status).toBe(404);
  expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405);
});

/** Writes the same again and again, until the other end has had enough. */
async function dribble(socket: Socket, bytes: string | Buffer): Promise<void> {
  while (!socket.destroyed) {
    socket.write(bytes);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
