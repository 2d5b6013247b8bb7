import {
  encodeMessage,
  decodeStoreMessage,
  FrameKind,
  maxFrameBytes,
  openFrame,
  parseChunkHeader,
  partsOf,
  PartKind,
  RecordKind,
  RecordReader,
  schemaIdBytes,
  type StartFrom,
} from '@drc/protocol';
import { WebSocket } from 'ws';

export interface LightReaderOptions {
  /** Of a store, as the manager names it. */
  readonly address: string;
  readonly ticket: string;
  readonly from: StartFrom;
  /** Called with each transaction when its last chunk is there. */
  readonly onTransaction: (lsn: number) => void;
  /** How long to wait before this many bytes are acknowledged, ms. Default: not at all. */
  readonly paceMs?: (bytes: number) => number;
}

const windowBytes = 1024 * 1024;

/**
 * Reads a topic at the least cost that a client can have: checks the CRC of each frame and that no transaction is
 * missing, and decodes no row.
 */
export class LightReader {
  readonly #socket: WebSocket;
  readonly #options: LightReaderOptions;
  readonly #records = new RecordReader();
  readonly #failure: Promise<never>;
  #unacknowledged = 0;
  #next = 0;
  rows = 0;
  bytes = 0;
  /** The newest transaction that has come. */
  lsn = 0;

  private constructor(options: LightReaderOptions) {
    this.#options = options;
    this.#socket = new WebSocket(`${options.address}/v1/stream/bench`, {
      headers: { authorization: `Bearer ${options.ticket}` },
      maxPayload: maxFrameBytes,
      perMessageDeflate: false,
    });
    this.#failure = new Promise((_, reject) => {
      this.#socket.on('error', reject);
      this.#socket.on('close', (code, reason) => reject(new Error(`Closed: ${code} ${reason.toString()}`)));
    });
    this.#failure.catch(() => undefined);
  }

  /** Resolves when it is subscribed. */
  static async open(options: LightReaderOptions): Promise<LightReader> {
    const reader = new LightReader(options);
    await Promise.race([reader.#subscribe(), reader.#failure]);
    return reader;
  }

  /** Rejects when the session ends without having been closed here. */
  get failure(): Promise<never> {
    return this.#failure;
  }

  close(): void {
    this.#socket.removeAllListeners('close').terminate();
  }

  #subscribe(): Promise<void> {
    const socket = this.#socket;
    socket.on('open', () =>
      socket.send(encodeMessage({ type: 'hello', versions: [1], client: 'bench', topic: 'bench' })),
    );
    return new Promise((resolve) => {
      socket.on('message', (data: Buffer) => {
        const { kind, payload } = openFrame(data);
        if (kind === FrameKind.data) return this.#take(data.length, payload);
        const message = decodeStoreMessage(payload);
        if (message.type === 'error') throw new Error(`${message.code} ${message.message}`);
        if (message.type === 'subscribed') {
          this.#next = message.lsn;
          resolve();
        }
        if (message.type !== 'welcome') return;
        const { from } = this.#options;
        socket.send(
          encodeMessage({ type: 'subscribe', from, tables: [], operations: [], credit: windowBytes }),
        );
      });
    });
  }

  #take(frameBytes: number, payload: Buffer): void {
    this.bytes += frameBytes;
    for (const record of this.#records.push(payload)) {
      if (record.kind !== RecordKind.chunk) continue;
      const { lsn, last, partsAt } = parseChunkHeader(record.bytes, record.at, record.end);
      if (lsn !== this.#next) throw new Error(`Transaction ${lsn} came in the place of ${this.#next}.`);
      for (const part of partsOf(record.bytes, partsAt, record.end))
        if (part.kind !== PartKind.ddl) this.rows += record.bytes.readUInt32LE(part.bodyAt + schemaIdBytes);
      if (!last) continue;
      this.#next = lsn + 1;
      this.lsn = lsn;
      this.#options.onTransaction(lsn);
    }
    this.#unacknowledged += frameBytes;
    if (this.#unacknowledged < windowBytes / 4) return;
    const bytes = this.#unacknowledged;
    this.#unacknowledged = 0;
    const pause = this.#options.paceMs?.(bytes) ?? 0;
    if (pause > 0) setTimeout(() => this.#acknowledge(bytes), pause);
    else this.#acknowledge(bytes);
  }

  #acknowledge(bytes: number): void {
    if (this.#socket.readyState === WebSocket.OPEN)
      this.#socket.send(encodeMessage({ type: 'credit', bytes }));
  }
}
