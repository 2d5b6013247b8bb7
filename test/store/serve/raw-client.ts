import {
  decodeProgress,
  decodeStoreMessage,
  encodeMessage,
  FrameKind,
  openFrame,
  parseChunkHeader,
  RecordKind,
  RecordReader,
  schemaIdBytes,
  type ClientMessage,
  type ParsedChunk,
  type Progress,
  type StoreMessage,
  type Subscribe,
  type TableVersion,
} from '@drc/protocol';
import { WebSocket } from 'ws';

export type Received =
  | { readonly kind: 'message'; readonly message: StoreMessage }
  | { readonly kind: 'chunk'; readonly chunk: ParsedChunk; readonly bytes: Buffer }
  | { readonly kind: 'schema'; readonly version: TableVersion }
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string };

export interface RawClientOptions {
  readonly url: string;
  readonly ticket?: string;
  readonly headers?: Record<string, string>;
}

/** What a refused upgrade answered. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: string;
  constructor(status: number, code: string | undefined, body: string) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
    this.body = body;
  }
}

/** Speaks the protocol by hand. Everything that comes is kept in order, in `received`. */
export class RawClient implements AsyncDisposable {
  readonly webSocket: WebSocket;
  readonly received: Received[] = [];
  /** Bytes of data frames, whole. */
  dataBytes = 0;
  frames: number[] = [];
  /** Whether credit is given back by itself. */
  acknowledges = true;
  readonly #records = new RecordReader();
  readonly #wakes = new Set<() => void>();

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on('message', (data) => this.#take(data as Buffer));
    webSocket.on('close', (code, reason) => this.#push({ kind: 'closed', code, reason: reason.toString() }));
    webSocket.on('error', () => undefined);
  }

  /** @throws Refused */
  static async open({ url, ticket, headers = {} }: RawClientOptions): Promise<RawClient> {
    const authorization = ticket === undefined ? {} : { authorization: `Bearer ${ticket}` };
    const webSocket = new WebSocket(url, {
      headers: { ...authorization, ...headers },
      perMessageDeflate: false,
    });
    const client = new RawClient(webSocket);
    await new Promise<void>((resolve, reject) => {
      webSocket.once('open', resolve);
      webSocket.once('error', reject);
      webSocket.once('unexpected-response', (_request, response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () =>
          reject(
            new Refused(response.statusCode ?? 0, response.headers['drc-error'] as string | undefined, body),
          ),
        );
      });
    });
    return client;
  }

  send(message: ClientMessage): void {
    this.webSocket.send(encodeMessage(message));
  }

  hello(topic = 'shop'): void {
    this.send({ type: 'hello', versions: [1], client: 'raw', topic });
  }

  subscribe(wish: Partial<Subscribe> = {}): void {
    this.send({
      type: 'subscribe',
      from: { kind: 'earliest' },
      tables: [],
      operations: [],
      credit: 4 * 1024 * 1024,
      ...wish,
    });
  }

  /** Greets and subscribes, and waits for the answer. */
  async start(wish: Partial<Subscribe> = {}): Promise<StoreMessage & { type: 'subscribed' }> {
    this.hello();
    this.subscribe(wish);
    return await this.message('subscribed');
  }

  get chunks(): readonly (Received & { kind: 'chunk' })[] {
    return this.received.filter((item) => item.kind === 'chunk');
  }

  get schemas(): readonly string[] {
    return this.received.flatMap((item) =>
      item.kind === 'schema' ? `${item.version.schema}.${item.version.table}` : [],
    );
  }

  get progress(): readonly Progress[] {
    return this.received.flatMap((item) => (item.kind === 'progress' ? item.progress : []));
  }

  /** The first item, from the beginning, of which `test` holds. */
  async until<T extends Received>(test: (item: Received) => item is T, ms?: number): Promise<T>;
  async until(test: (item: Received) => boolean, ms?: number): Promise<Received>;
  async until(test: (item: Received) => boolean, ms = 20_000): Promise<Received> {
    const deadline = Date.now() + ms;
    for (;;) {
      const found = this.received.find(test);
      if (found !== undefined) return found;
      if (Date.now() > deadline)
        throw new Error(`Nothing of the kind came; last: ${JSON.stringify(this.received.at(-1))}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          this.#wakes.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, 100);
        this.#wakes.add(wake);
      });
    }
  }

  async message<T extends StoreMessage['type']>(type: T): Promise<StoreMessage & { type: T }> {
    const item = await this.until((one) => one.kind === 'message' && one.message.type === type);
    return (item as { message: StoreMessage }).message as StoreMessage & { type: T };
  }

  /** Waits for the chunk that ends this transaction. */
  async transaction(lsn: number): Promise<void> {
    await this.until((item) => item.kind === 'chunk' && item.chunk.lsn === lsn && item.chunk.last);
  }

  async closed(): Promise<{ code: number; reason: string }> {
    return await this.until((item) => item.kind === 'closed');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.webSocket.terminate();
    await Promise.resolve();
  }

  #take(data: Buffer): void {
    const { kind, payload } = openFrame(data);
    if (kind === FrameKind.control)
      return this.#push({ kind: 'message', message: decodeStoreMessage(payload) });
    this.dataBytes += data.length;
    this.frames.push(data.length);
    for (const { kind: record, body } of this.#records.push(payload)) {
      if (record === RecordKind.chunk) {
        const bytes = Buffer.from(body);
        this.#push({ kind: 'chunk', chunk: parseChunkHeader(bytes), bytes });
      } else if (record === RecordKind.schema) {
        const version = JSON.parse(body.subarray(schemaIdBytes).toString()) as TableVersion;
        this.#push({ kind: 'schema', version });
      } else {
        this.#push({ kind: 'progress', progress: decodeProgress(body) });
      }
    }
    if (this.acknowledges) this.send({ type: 'credit', bytes: data.length });
    this.#wake();
  }

  #push(item: Received): void {
    this.received.push(item);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#wakes) wake();
  }
}
