import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { DrcError } from '../errors.js';
import { connectionFault, tlsFault } from './tls-fault.js';
import { clientTlsOptions, mustBePrivateWay, type Plaintext, type TlsOptions } from './tls-options.js';

/** How cluster managers are reached. */
export interface Transport {
  /** For `https`. Default: the system's authorities, no client certificate. */
  readonly tls?: TlsOptions;
  readonly plaintext?: Plaintext;
}

export interface JsonRequest extends Transport {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** A bearer token. */
  readonly token?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** From the connection to the last byte of the answer, in ms. */
  readonly timeoutMs: number;
  /** In bytes; a longer answer ends the request. */
  readonly maxAnswerBytes: number;
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/**
 * One request to a cluster manager, on a connection of its own: managers are asked seldom, and a kept connection that the
 * other end just closed would look like a manager that is away. A redirection is not followed: the token must not go
 * somewhere else.
 * @param address `http://…` or `https://…`
 * @throws the signal's reason; DrcError `PLAINTEXT_REFUSED`, `TLS_UNTRUSTED`, `TLS_WRONG_NAME`, `TLS_EXPIRED`,
 *   `TLS_CLIENT_CERTIFICATE`, and `MANAGER_UNREACHABLE` for anything else that keeps an answer away.
 */
export async function jsonRequest(address: string, request: JsonRequest): Promise<JsonAnswer> {
  const { signal, timeoutMs, token, body, plaintext } = request;
  if (token !== undefined || body !== undefined) mustBePrivateWay(address, plaintext);
  signal?.throwIfAborted();
  // A controller of our own: Node 20's AbortSignal.any keeps memory for as long as the long-lived signal.
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal?.reason);
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await answerOf(address, request, controller.signal);
  } catch (error) {
    signal?.throwIfAborted();
    const reason: unknown = controller.signal.aborted ? controller.signal.reason : error;
    throw (
      tlsFault(reason, address) ??
      new DrcError(
        'MANAGER_UNREACHABLE',
        `${address} does not answer: ${connectionFault(reason)}.`,
        { address },
        { cause: reason },
      )
    );
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function answerOf(
  address: string,
  { method, path, token, body, tls, maxAnswerBytes }: JsonRequest,
  signal: AbortSignal,
): Promise<JsonAnswer> {
  const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const url = new URL(`${address.replace(/\/+$/, '')}${path}`);
  const options = {
    method,
    signal,
    agent: false as const,
    maxHeaderSize: 16 * 1024,
    headers: {
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(content === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': content.length }),
    },
  };
  return new Promise((resolve, reject) => {
    const onAnswer = (response: IncomingMessage): void => {
      whole(response, maxAnswerBytes).then((text) => {
        const { statusCode: status = 0, headers } = response;
        if (status >= 300 && status < 400) reject(new Error('it leads elsewhere with a redirection'));
        else resolve({ status, headers, text });
      }, reject);
    };
    const request =
      url.protocol === 'https:'
        ? tlsRequest(url, { ...options, ...clientTlsOptions(tls) }, onAnswer)
        : plainRequest(url, options, onAnswer);
    request.on('error', reject);
    request.end(content);
  });
}

async function whole(response: IncomingMessage, maxBytes: number): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > maxBytes) throw new RangeError(`the answer is longer than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
