import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { isDrcError, type LogExtent } from '@drc/protocol';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { systemClock } from '../../../store/src/clock.js';
import { Announcer, type AnnouncerOptions } from '../../../store/src/serve/announcer.js';
import { Revocations } from '../../../store/src/serve/revocations.js';
import { TicketKeys } from '../../../store/src/serve/ticket-keys.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { Signer, silent, eventually } from './store-harness.js';

interface Asked {
  readonly request: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const signer = new Signer();
const good = (leaseMs = 300): Answer => ({
  status: 200,
  body: { leaseMs, cluster: 'main', keys: [signer.jwk] },
});
const extent: LogExtent = {
  lineage: 'f'.repeat(32),
  head: { lsn: 7, time: 1 },
  oldest: { lsn: 1, time: 1 },
  coversFrom: 0,
  setBeforeOldest: '',
};

/** Answers as a cluster manager would, or as it should not. */
class FakeManager implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly #server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      this.asked.push({
        request: `${request.method} ${request.url}`,
        authorization: request.headers.authorization,
        body,
      });
      const answer = this.answer();
      if (answer === undefined) return;
      response
        .writeHead(answer.status)
        .end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
    });
  });

  /** Undefined: it never answers. */
  answer: () => Answer | undefined = good;

  static async start(): Promise<FakeManager> {
    const manager = new FakeManager();
    await new Promise<void>((resolve) => {
      manager.#server.listen(0, '127.0.0.1', resolve);
    });
    return manager;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text === '' ? undefined : JSON.parse(text);
}

async function started(options: Partial<AnnouncerOptions>, cluster?: string) {
  const folder = await temporaryFolder('announcer');
  const keys = await TicketKeys.open(folder.file('keys.json'), cluster, silent);
  const announcer = Announcer.start({
    clusterManagers: [],
    machineKey: 'store-key',
    topic: 'shop',
    storeId: 'store-1',
    address: 'ws://127.0.0.1:1',
    status: () => ({ extent, captureState: 'streaming' }),
    keys,
    clock: systemClock,
    logger: silent,
    timeoutMs: 500,
    maxPauseMs: 100,
    ...options,
  });
  return {
    announcer,
    keys,
    async [Symbol.asyncDispose]() {
      await announcer.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const failureOf = (announcer: Announcer): string | undefined =>
  announcer.state.kind === 'failing' ? announcer.state.error.code : undefined;

test('the store is announced again within its lease, and its keys are taken', async () => {
  await using manager = await FakeManager.start();
  await using store = await started({ clusterManagers: [manager.url] });
  await eventually(() => expect(manager.asked.length).toBeGreaterThan(2));
  expect(manager.asked[0]).toEqual({
    request: 'POST /v1/stores/announce',
    authorization: 'Bearer store-key',
    body: { topic: 'shop', id: 'store-1', address: 'ws://127.0.0.1:1', extent, captureState: 'streaming' },
  });
  expect(store.announcer.state).toMatchObject({ kind: 'announced', manager: manager.url });
  expect(store.keys.get(signer.kid)).toBeDefined();
});

test('a store whose log has not begun is not announced, and is as soon as it has', async () => {
  let begun = false;
  await using manager = await FakeManager.start();
  await using store = await started({
    clusterManagers: [manager.url],
    status: () => (begun ? { extent, captureState: 'streaming' } : undefined),
  });
  await pause(250);
  expect(manager.asked).toEqual([]);
  expect(store.announcer.state).toEqual({ kind: 'starting' });
  begun = true;
  await eventually(() => expect(manager.asked.length).toBeGreaterThan(0));
  await eventually(() => expect(store.announcer.state.kind).toBe('announced'));
});

test('closing withdraws the store', async () => {
  await using manager = await FakeManager.start();
  await using store = await started({ clusterManagers: [manager.url], topic: 'shop' });
  await eventually(() => expect(store.announcer.state.kind).toBe('announced'));
  await Promise.all([store.announcer.close(), store.announcer.close()]);
  expect(manager.asked.at(-1)?.request).toBe('DELETE /v1/stores/shop/store-1');
  expect(store.announcer.state.kind).toBe('closed');
});

test('the store is announced to every manager, and one that does not answer costs the others nothing', async () => {
  await using first = await FakeManager.start();
  await using dead = await FakeManager.start();
  await using second = await FakeManager.start();
  dead.answer = () => undefined;
  await using store = await started({
    clusterManagers: [dead.url, first.url, second.url],
    timeoutMs: 60_000,
  });
  await eventually(() => expect(Math.min(first.asked.length, second.asked.length)).toBeGreaterThan(3));
  expect(dead.asked.length).toBe(1);
  expect(store.announcer.state).toMatchObject({ kind: 'announced', manager: first.url });
  await store.announcer.close();
  for (const manager of [first, second])
    expect(manager.asked.at(-1)?.request).toBe('DELETE /v1/stores/shop/store-1');
});

test('the keys of all managers that answer are taken, whether they know each other’s or not', async () => {
  const [another, third] = [new Signer(), new Signer()];
  const withKeys = (...signers: Signer[]): Answer => ({
    status: 200,
    body: { leaseMs: 300, cluster: 'main', keys: signers.map(({ jwk }) => jwk) },
  });
  await using first = await FakeManager.start();
  await using second = await FakeManager.start();
  first.answer = () => withKeys(signer, third);
  second.answer = () => withKeys(another);
  await using store = await started({ clusterManagers: [first.url, second.url] });
  const kids = [signer.kid, another.kid, third.kid];
  await eventually(() => expect(kids.map((kid) => store.keys.get(kid) !== undefined)).not.toContain(false));
  // Taken out of the registry: gone when nobody names it any more.
  first.answer = () => withKeys(signer);
  await eventually(() => expect(store.keys.get(third.kid)).toBeUndefined());
  expect(store.keys.get(another.kid)).toBeDefined();
  // One that is away names none; what the others name is all.
  second.answer = () => ({ status: 503, body: 'sorry' });
  await eventually(() => expect(store.keys.get(another.kid)).toBeUndefined());
  // Nobody is there: what was known stays.
  first.answer = second.answer;
  await eventually(() => expect(failureOf(store.announcer)).toBe('MANAGER_UNREACHABLE'));
  expect(store.keys.get(signer.kid)).toBeDefined();
});

test('a manager that is away is asked until it is back', async () => {
  await using manager = await FakeManager.start();
  let isAway = true;
  manager.answer = () => (isAway ? { status: 503, body: 'sorry' } : good());
  await using store = await started({ clusterManagers: [manager.url] });
  await eventually(() => expect(manager.asked.length).toBeGreaterThan(2));
  expect(failureOf(store.announcer)).toBe('MANAGER_UNREACHABLE');
  isAway = false;
  await eventually(() => expect(store.announcer.state.kind).toBe('announced'));
});

test('what the manager says of a refusal is kept, as a code, and logged in its words', async () => {
  await using manager = await FakeManager.start();
  manager.answer = () => ({
    status: 403,
    body: { error: { code: 'FORBIDDEN', message: 'Another store has this id.', details: {} } },
  });
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  await using store = await started({ clusterManagers: [manager.url], logger });
  await eventually(() => expect(failureOf(store.announcer)).toBe('FORBIDDEN'));
  expect(lines.join('')).toContain('"msg":"The store is not announced: Another store has this id."');
  expect(lines.join('')).not.toContain('machineKeyFile');
});

test.each<[string, Answer, string]>([
  ['no JSON', { status: 200, body: '<html>' }, 'MANAGER_UNREACHABLE'],
  ['another shape', { status: 200, body: { ok: true } }, 'MANAGER_UNREACHABLE'],
  ['a lease of nothing', good(0), 'MANAGER_UNREACHABLE'],
  ['an endless answer', { status: 200, body: 'x'.repeat(300_000) }, 'MANAGER_UNREACHABLE'],
  ['a redirection', { status: 302, body: '' }, 'MANAGER_UNREACHABLE'],
  [
    'another cluster’s keys',
    { status: 200, body: { ...(good().body as object), cluster: 'other' } },
    'UNAUTHENTICATED',
  ],
])('%s is no announcement', async (_, answer, code) => {
  await using manager = await FakeManager.start();
  manager.answer = () => answer;
  await using store = await started({ clusterManagers: [manager.url] }, 'main');
  await eventually(() => expect(failureOf(store.announcer)).toBe(code));
  expect(store.keys.size).toBe(0);
});

test('closing does not wait for a manager that does not answer', async () => {
  await using manager = await FakeManager.start();
  manager.answer = () => undefined;
  await using store = await started({ clusterManagers: [manager.url], timeoutMs: 60_000 });
  await eventually(() => expect(manager.asked.length).toBe(1));
  await store.announcer.close();
  expect(isDrcError(store.announcer.state)).toBe(false);
});

test('what the managers took back is told to the store, and so is what it captures to them', async () => {
  await using folder = await temporaryFolder('announcer-revocations');
  const revocations = await Revocations.open(folder.file('r.json'), systemClock, silent);
  await using manager = await FakeManager.start();
  const before = Date.now();
  manager.answer = () => ({
    status: 200,
    body: { ...(good().body as object), revocations: [{ principal: 'ann', before }] },
  });
  await using hub = await started({
    clusterManagers: [manager.url],
    revocations,
    captureDigest: 'a'.repeat(64),
  });
  await eventually(() => expect(hub.announcer.state.kind).toBe('announced'));
  expect(revocations.covers({ principal: 'ann', issuedAt: before - 1 })).toBe(true);
  expect(manager.asked[0]?.body).toMatchObject({ captureDigest: 'a'.repeat(64) });
});

test('whether managers answer is asked of them, unless it is known already', async () => {
  await using manager = await FakeManager.start();
  manager.answer = () => good(3_600_000);
  await using hub = await started({ clusterManagers: [manager.url] });
  const { announcer } = hub;
  await eventually(() => expect(announcer.state.kind).toBe('announced'));
  expect(announcer.backSince).toBeUndefined();

  manager.answer = () => ({ status: 503, body: {} });
  // Those who ask together share the answer; the next announcement would be due in twenty minutes.
  await eventually(async () => {
    expect(await Promise.all([announcer.answers(), announcer.answers()])).toEqual([false, false]);
  });
  expect(failureOf(announcer)).toBe('MANAGER_UNREACHABLE');
  const asked = manager.asked.length;
  expect(await announcer.answers()).toBe(false);
  expect(manager.asked.length - asked).toBeLessThan(3);

  const lost = systemClock.monotonic();
  manager.answer = () => good(3_600_000);
  await eventually(() => expect(announcer.state.kind).toBe('announced'));
  expect(await announcer.answers()).toBe(true);
  expect(announcer.backSince).toBeGreaterThanOrEqual(lost);
});

test('a manager that refuses the store is no manager that is away', async () => {
  await using manager = await FakeManager.start();
  manager.answer = () => ({
    status: 409,
    body: { error: { code: 'TOPIC_CONFIG_MISMATCH', message: 'Another store captures other tables.' } },
  });
  await using hub = await started({ clusterManagers: [manager.url, 'http://127.0.0.1:9'] });
  await eventually(() => expect(failureOf(hub.announcer)).toBe('TOPIC_CONFIG_MISMATCH'));
  expect(await hub.announcer.answers()).toBe(true);
});

test('a machine key is not sent without TLS to another machine', async () => {
  await using hub = await started({ clusterManagers: ['http://192.0.2.1:7370'] });
  await eventually(() => expect(failureOf(hub.announcer)).toBe('PLAINTEXT_REFUSED'));
});
