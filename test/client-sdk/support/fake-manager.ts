import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ErrorCode } from '@drc/protocol';

export interface FakeManagerOptions {
  /** Address of each store of the topic `shop`, best first. */
  readonly stores?: readonly string[];
  /** Addresses of the stores of other topics. Default: there are none. */
  readonly others?: Readonly<Record<string, readonly string[]>>;
  readonly ticketLifeMs?: number;
  readonly tokenLifeMs?: number;
  /** Makes the n-th ticket. Default: a text that only a fake store takes. */
  readonly sign?: (n: number) => string;
}

export interface Refusal {
  readonly status: number;
  readonly code: ErrorCode;
  readonly details?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
}

/** Speaks the cluster manager's side of the HTTP API, for one topic or a few and one user (`reader`, `secret`). */
export class FakeManager implements AsyncDisposable {
  stores: readonly string[];
  readonly others: Readonly<Record<string, readonly string[]>>;
  ticketLifeMs: number;
  tokenLifeMs: number;
  /** Answers to the next questions for stores; when used up, the real ones. */
  readonly refusals: Refusal[] = [];
  /** The `from` of each question for stores. */
  readonly questions: string[] = [];
  readonly tickets: string[] = [];
  logins = 0;
  requests = 0;
  readonly #tokens = new Set<string>(['machine-key']);
  readonly #sign: (n: number) => string;
  #server: Server;
  #port = 0;

  private constructor(options: FakeManagerOptions) {
    this.stores = options.stores ?? [];
    this.others = options.others ?? {};
    this.ticketLifeMs = options.ticketLifeMs ?? 600_000;
    this.tokenLifeMs = options.tokenLifeMs ?? 600_000;
    this.#sign = options.sign ?? ((n) => `header.ticket-${n}.signature`);
    this.#server = this.#listener();
  }

  static async start(options: FakeManagerOptions = {}): Promise<FakeManager> {
    const manager = new FakeManager(options);
    await manager.#listen();
    return manager;
  }

  get address(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Forgets all logins, as a restart does. */
  forgetTokens(): void {
    this.#tokens.clear();
  }

  async goAway(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async comeBack(): Promise<void> {
    this.#server = this.#listener();
    await this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.goAway();
  }

  #listener(): Server {
    return createServer((request, response) => {
      void this.#answer(request, response);
    });
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    const send = (status: number, body: unknown, headers: Record<string, string> = {}): void => {
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    };
    const refuse = ({ status, code, details = {}, headers = {} }: Refusal): void =>
      send(status, { error: { code, message: `fake ${code}`, details } }, headers);

    let text = '';
    for await (const piece of request) text += String(piece);
    const body = (text === '' ? {} : JSON.parse(text)) as { name?: string; password?: string; from?: string };
    const url = new URL(request.url ?? '/', this.address);
    if (url.pathname === '/v1/login') {
      this.logins++;
      if (body.name !== 'reader' || body.password !== 'secret')
        return refuse({ status: 401, code: 'UNAUTHENTICATED' });
      const token = `token-${this.logins}`;
      this.#tokens.add(token);
      return send(200, { token, expiresAt: Date.now() + this.tokenLifeMs });
    }
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    if (!this.#tokens.has(token)) return refuse({ status: 401, code: 'UNAUTHENTICATED' });
    if (url.pathname === '/v1/topics')
      return send(200, { topics: [{ topic: 'shop', stores: this.stores.length }] });
    const topic = /^\/v1\/topics\/([^/]+)\/stores$/.exec(url.pathname)?.[1] ?? '';
    const addresses = topic === 'shop' ? this.stores : this.others[topic];
    if (addresses === undefined) return refuse({ status: 404, code: 'TOPIC_UNKNOWN' });
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return refuse(refusal);
    this.questions.push(body.from ?? url.searchParams.get('from') ?? 'nothing');
    const ticket = this.#sign(this.tickets.length + 1);
    this.tickets.push(ticket);
    const stores = addresses.map((address, index) => ({ id: `store-${index + 1}`, address }));
    return send(200, { stores, ticket, ticketExpiresAt: Date.now() + this.ticketLifeMs });
  }
}
