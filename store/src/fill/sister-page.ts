import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import {
  clientTlsOptions,
  connectionFault,
  DrcError,
  isErrorCode,
  mustBePrivateWay,
  tlsFault,
  type Transport,
} from '@drc/protocol';
import { EntryReader, type LogEntry, type PageEnd } from '../log/copy/entry-stream.js';
import type { Cursor } from '../log/transaction-log.js';

export interface SisterPageRequest extends Transport {
  /** `ws://…` or `wss://…`, as the store is announced. */
  readonly address: string;
  readonly topic: string;
  readonly ticket: string;
  /** Where the page begins. Absent: at the oldest transaction. */
  readonly from?: { readonly lineage: string; readonly cursor: Cursor } | undefined;
  readonly signal: AbortSignal;
}

/** How long a sister store may send nothing. */
const silenceMs = 45_000;

/** A page of another store's log (serve/log-copies.ts), as it arrives. */
export class SisterPage implements Disposable {
  /** Of the log that it is of. */
  readonly lineage: string;
  /** The newest transaction of that log when it was asked. */
  readonly headLsn: number;
  readonly #response: IncomingMessage;
  readonly #address: string;

  private constructor(response: IncomingMessage, address: string, lineage: string, headLsn: number) {
    this.#response = response;
    this.#address = address;
    this.lineage = lineage;
    this.headLsn = headLsn;
  }

  /**
   * @throws what the store refuses it with, and `TICKET_EXPIRED` for any ticket that it does not take: a new one may do;
   * `PLAINTEXT_REFUSED`, `TLS_…`, `CONNECTION_LOST`; the signal's reason
   */
  static async request(request: SisterPageRequest): Promise<SisterPage> {
    const { address, signal } = request;
    let response: IncomingMessage;
    try {
      response = await answerOf(request);
    } catch (error) {
      signal.throwIfAborted();
      throw lost(address, error);
    }
    const { statusCode: status = 0, headers } = response;
    const lineage = headers['drc-lineage'];
    const headLsn = Number(headers['drc-head-lsn']);
    if (status === 200 && typeof lineage === 'string' && Number.isSafeInteger(headLsn))
      return new SisterPage(response, address, lineage, headLsn);
    response.destroy();
    throw refusal(status, headers['drc-error'], address);
  }

  /** @throws DrcError `CONNECTION_LOST` where the page is cut off, `FRAME_CORRUPT`; the signal's reason */
  async *entries(signal: AbortSignal): AsyncGenerator<LogEntry, PageEnd> {
    const reader = new EntryReader();
    try {
      for await (const piece of this.#response as AsyncIterable<Buffer>) yield* reader.push(piece);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof DrcError ? error : lost(this.#address, error);
    }
    if (reader.end === undefined) throw lost(this.#address, new Error('it ended within a page'));
    return reader.end;
  }

  [Symbol.dispose](): void {
    this.#response.destroy();
  }
}

function answerOf({
  address,
  topic,
  ticket,
  from,
  signal,
  tls,
  plaintext,
}: SisterPageRequest): Promise<IncomingMessage> {
  mustBePrivateWay(address, plaintext);
  const query =
    from === undefined ? '' : `?lineage=${from.lineage}&lsn=${from.cursor.lsn}&chunk=${from.cursor.chunk}`;
  const url = new URL(`/v1/log/${encodeURIComponent(topic)}${query}`, address.replace(/^ws/, 'http'));
  const options = {
    signal,
    agent: false as const,
    timeout: silenceMs,
    maxHeaderSize: 16 * 1024,
    headers: { authorization: `Bearer ${ticket}` },
  };
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? tlsRequest(url, { ...options, ...clientTlsOptions(tls) }, resolve)
        : plainRequest(url, options, resolve);
    request.on('timeout', () => request.destroy(new Error('it was silent for too long')));
    request.on('error', reject);
    request.end();
  });
}

function refusal(status: number, code: unknown, address: string): DrcError {
  const message = `The store at ${address} refused to give its log (status ${status}).`;
  if (status === 401) return new DrcError('TICKET_EXPIRED', message, { status });
  if (isErrorCode(code)) return new DrcError(code, message, { status });
  return new DrcError('STORE_UNAVAILABLE', message, { status });
}

function lost(address: string, cause: unknown): DrcError {
  if (cause instanceof DrcError) return cause;
  return (
    tlsFault(cause, new URL(address).origin) ??
    new DrcError('CONNECTION_LOST', `${address} does not answer: ${connectionFault(cause)}.`, {}, { cause })
  );
}
