import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import {
  ClusterManager,
  initManager,
  parseManagerConfig,
  type Clock,
  type Credentials,
  type PasswordCost,
  type SharedRegistrySecrets,
} from '@drc/cluster-manager';
import type { LogExtent } from '@drc/protocol';
import { pino } from 'pino';

/** Hashes in no time: what they protect lives as long as a test. */
export const cheapPasswords: PasswordCost = { cost: 2, blockSize: 1, parallelization: 1 };

export class TestClock implements Clock {
  #time = Date.UTC(2026, 0, 1);
  now = (): number => this.#time;
  monotonic = (): number => this.#time;
  advance(ms: number): void {
    this.#time += ms;
  }
}

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'drc-manager-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface ManagerFolder extends AsyncDisposable {
  readonly directory: string;
  readonly administrator: Credentials;
  readonly clock: TestClock;
  start(config?: Record<string, unknown>): Promise<TestManager>;
}

/** A folder that `initManager` made, and managers of it. */
export async function managerFolder(): Promise<ManagerFolder> {
  const folder = await temporaryFolder();
  const clock = new TestClock();
  const directory = join(folder.path, 'manager');
  const options = { passwordCost: cheapPasswords, clock, cluster: 'test' };
  const { administrator } = await initManager(directory, options);
  return {
    directory,
    administrator,
    clock,
    start: (config) => TestManager.start(directory, clock, administrator, config),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** JSON. What a test expects of it, it says itself. */
  readonly body: unknown;
}

interface RequestOptions {
  readonly token?: string;
  readonly body?: unknown;
}

/** A manager on free ports, in this process, and what it logged. */
export class TestManager implements AsyncDisposable {
  readonly manager: ClusterManager;
  readonly lines: readonly string[];
  readonly #administrator: Credentials;

  private constructor(manager: ClusterManager, lines: readonly string[], administrator: Credentials) {
    this.manager = manager;
    this.lines = lines;
    this.#administrator = administrator;
  }

  static async start(
    directory: string,
    clock: Clock,
    administrator: Credentials,
    config: Record<string, unknown> = {},
    secrets: SharedRegistrySecrets = {},
  ): Promise<TestManager> {
    const lines: string[] = [];
    const destination = new Writable({
      write(line: Buffer, _encoding, done) {
        lines.push(line.toString());
        done();
      },
    });
    const manager = await ClusterManager.start(
      parseManagerConfig({ directory, listen: { port: 0 }, admin: { port: 0 }, ...config }),
      { logger: pino({ level: 'debug' }, destination), clock, passwordCost: cheapPasswords, ...secrets },
    );
    return new TestManager(manager, lines, administrator);
  }

  get url(): string {
    return this.manager.url;
  }

  /** What the log says under `event`. */
  audited(event: string): Record<string, unknown>[] {
    return this.lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line['event'] === event);
  }

  async request(method: string, path: string, { token, body }: RequestOptions = {}): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const content: unknown = response.status === 204 ? undefined : await response.json();
    return { status: response.status, headers: response.headers, body: content };
  }

  login({ name, password }: Credentials = this.#administrator): Promise<Answer> {
    return this.request('POST', '/v1/login', { body: { name, password } });
  }

  async token(credentials?: Credentials): Promise<string> {
    return ((await this.login(credentials)).body as { token: string }).token;
  }

  /** Made through the API by the administrator. */
  async machineKey(kind: 'store' | 'client', topics: readonly string[]): Promise<string> {
    const answer = await this.request('POST', '/v1/machine-keys', {
      token: await this.token(),
      body: { kind, topics },
    });
    return (answer.body as { key: string }).key;
  }

  announce(key: string, announcement: Record<string, unknown> = {}): Promise<Answer> {
    return this.request('POST', '/v1/stores/announce', {
      token: key,
      body: {
        topic: 'shop',
        id: 'store-1',
        address: 'ws://127.0.0.1:7380',
        extent: extent(),
        captureState: 'streaming',
        ...announcement,
      },
    });
  }

  stores(token: string, from = 'latest', topic = 'shop'): Promise<Answer> {
    return this.request('GET', `/v1/topics/${topic}/stores?from=${encodeURIComponent(from)}`, { token });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.manager.close();
  }
}

export const extent = (fields: Partial<LogExtent> = {}): LogExtent => ({
  lineage: '00112233445566778899aabbccddeeff',
  head: { lsn: 100, time: 1_767_225_600_000 },
  oldest: { lsn: 1, time: 1_767_139_200_000 },
  coversFrom: 1_767_139_200_000,
  setBeforeOldest: '0-1-10',
  ...fields,
});
