import { createHash, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { pino, type Logger } from 'pino';
import { vi } from 'vitest';
import { systemClock, type Clock } from '../../../store/src/clock.js';
import { TicketVerifier } from '../../../store/src/serve/authorize.js';
import type { ManagerContact } from '../../../store/src/serve/manager-contact.js';
import type { ReadableLog } from '../../../store/src/serve/readable-log.js';
import { Revocations } from '../../../store/src/serve/revocations.js';
import type { StreamServerLimits } from '../../../store/src/serve/server-limits.js';
import { StreamServer } from '../../../store/src/serve/server.js';
import type { TopicTables } from '../../../store/src/serve/topic-tables.js';
import { TicketKeys } from '../../../store/src/serve/ticket-keys.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';
import { FakeLog } from './fake-log.js';
import { RawClient, type RawClientOptions } from './raw-client.js';

export const silent: Logger = pino({ level: 'silent' });

/** Asks again until the expectation holds; the deadline is generous, since the machine may be busy. */
export const eventually = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 20_000, interval: 20 });

/** Signs like a cluster manager. */
export class Signer {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly kid: string;

  constructor() {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.privateKey = pair.privateKey;
    this.publicKey = pair.publicKey;
    const jwk = this.publicKey.export({ format: 'jwk' });
    this.kid = createHash('sha256').update(`${jwk.x}${jwk.y}`).digest('base64url').slice(0, 16);
  }

  get jwk(): Record<string, unknown> {
    return { ...this.publicKey.export({ format: 'jwk' }), kid: this.kid, alg: 'ES256', use: 'sig' };
  }

  claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
    const now = Math.floor(Date.now() / 1000);
    const all = {
      iss: 'drc:main',
      aud: 'drc-store:main/shop',
      sub: 'reader',
      jti: randomUUID(),
      iat: now,
      exp: now + 300,
      grant: { tables: ['**'] },
      ...changes,
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  }

  sign(changes: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string {
    return jwt.sign(this.claims(changes), this.privateKey, {
      algorithm: 'ES256',
      noTimestamp: changes['iat'] === undefined && 'iat' in changes,
      header: { alg: 'ES256', kid: this.kid, ...header },
    });
  }
}

export interface HarnessOptions<L extends ReadableLog> {
  readonly log?: L;
  readonly limits?: Partial<StreamServerLimits>;
  readonly clock?: Clock;
  readonly clockToleranceMs?: number;
  readonly logger?: Logger;
  readonly contact?: ManagerContact;
  readonly hasTable?: (table: string) => boolean;
  readonly topicTables?: TopicTables;
  readonly columnHashKey?: Buffer;
}

/** A stream server on a free port, with a log and a signer. */
export class StoreHarness<L extends ReadableLog> implements AsyncDisposable {
  readonly log: L;
  readonly signer: Signer;
  readonly server: StreamServer;
  readonly keys: TicketKeys;
  readonly revocations: Revocations;
  readonly #folder: TemporaryFolder;
  readonly #clients: RawClient[] = [];

  private constructor(
    log: L,
    signer: Signer,
    server: StreamServer,
    keys: TicketKeys,
    revocations: Revocations,
    folder: TemporaryFolder,
  ) {
    this.log = log;
    this.signer = signer;
    this.server = server;
    this.keys = keys;
    this.revocations = revocations;
    this.#folder = folder;
  }

  static async start<L extends ReadableLog = FakeLog>(
    options: HarnessOptions<L> = {},
  ): Promise<StoreHarness<L>> {
    const folder = await temporaryFolder('serve');
    const signer = new Signer();
    const keys = await TicketKeys.open(folder.file('keys.json'), 'main', silent);
    await keys.replace({ cluster: 'main', keys: [signer.jwk] });
    const log = options.log ?? (new FakeLog() as unknown as L);
    const clock = options.clock ?? systemClock;
    const revocations = await Revocations.open(folder.file('revocations.json'), clock, silent);
    const tolerance =
      options.clockToleranceMs === undefined ? {} : { clockToleranceMs: options.clockToleranceMs };
    const server = await StreamServer.start({
      listen: { host: '127.0.0.1', port: 0 },
      topic: 'shop',
      storeId: 'store-1',
      log,
      verifier: new TicketVerifier({ keys, topic: 'shop', clock, revocations, ...tolerance }),
      revocations,
      ...(options.contact === undefined ? {} : { contact: options.contact }),
      hasTable: options.hasTable ?? (() => true),
      ...(options.topicTables === undefined ? {} : { topicTables: options.topicTables }),
      columnHashKey: options.columnHashKey,
      logger: options.logger ?? silent,
      clock,
      limits: options.limits ?? {},
    });
    return new StoreHarness(log, signer, server, keys, revocations, folder);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.server.address.port}/v1/stream/shop`;
  }

  async client(options: Partial<RawClientOptions> = {}): Promise<RawClient> {
    const client = await RawClient.open({ url: this.url, ticket: this.signer.sign(), ...options });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
    await this.server.close();
    await this.#folder[Symbol.asyncDispose]();
  }
}
