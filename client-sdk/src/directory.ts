import {
  DrcError,
  isDrcError,
  jsonRequest,
  type ErrorCode,
  type JsonAnswer,
  type StartFrom,
  type Transport,
} from '@drc/protocol';
import { unlessAborted } from './backoff.js';
import { connectOverWebSocket, type ConnectToStore } from './connection.js';
import { errorOfBody, isObject } from './error-body.js';

/** Who asks: a person or service with a password, a machine key, or a token that was issued before. */
export type Credentials =
  | { readonly name: string; readonly password: string }
  | { readonly machineKey: string }
  | { readonly token: string };

export interface TopicInfo {
  readonly topic: string;
  /** How many stores announce it at the moment. */
  readonly stores: number;
}

export interface StoreAddress {
  readonly id: string;
  /** `ws://host:port` or `wss://host:port` */
  readonly address: string;
}

/** Stores whose log covers the wanted moment, best first, and the ticket that any of them takes. */
export interface Placement {
  readonly stores: readonly StoreAddress[];
  readonly ticket: string;
  /** ms since 1970 */
  readonly ticketExpiresAt: number;
}

export interface DirectoryOptions {
  /** Base addresses of the cluster managers. */
  readonly addresses: readonly string[];
  readonly credentials: Credentials;
  /** Default: the system's authorities, and no credentials without TLS off loopback. */
  readonly transport?: Transport;
  /** How long one manager may take to answer, in ms. Default 10 s. */
  readonly answerMs?: number;
}

interface Content {
  readonly token?: string;
  readonly body?: unknown;
  readonly method?: string | undefined;
}

interface Token {
  readonly text: string;
  /** ms since 1970; a machine key or a token that was given to us has no end that we know. */
  readonly renewAt: number;
}

/**
 * After these the next manager is asked; what the first one said stands where none knows more. One that was just started
 * has not heard of all stores, and one that is cut off from the others' registry not of what is new in it.
 */
const othersMayKnowMore: readonly ErrorCode[] = [
  'MANAGER_UNREACHABLE',
  'TLS_UNTRUSTED',
  'TLS_WRONG_NAME',
  'TLS_EXPIRED',
  'TLS_CLIENT_CERTIFICATE',
  'REGISTRY_UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'RETENTION_EXPIRED',
  'TOPIC_UNKNOWN',
];

/** A token is renewed when this part of its life is over. */
const renewalPoint = 0.9;
/** Longer questions go into a body: a server bounds the head of a request. */
const maxQueryCharacters = 4 * 1024;
const maxReaderCharacters = 200;
const maxAnswerBytes = 4 * 1024 * 1024;

/** Where a hub learns which topics there are and which stores have them, and how it reaches those. */
export interface StoreDirectory {
  readonly transport: Transport;
  /** Opens a way to a store that the directory names. */
  readonly connect: ConnectToStore;
  topics(signal: AbortSignal): Promise<readonly TopicInfo[]>;
  stores(topic: string, from: StartFrom, signal: AbortSignal, reader?: string): Promise<Placement>;
  ask(
    method: string,
    path: string,
    body: object,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>>;
}

/**
 * Asks the cluster managers. Any of them will do: the one that answered last is asked first, and one that does not
 * answer, or does not know, is passed over. Tries each once; waiting and trying again is the caller's.
 */
export class Directory implements StoreDirectory {
  readonly #addresses: readonly string[];
  readonly #credentials: Credentials;
  /** How managers, and the stores that they name, are reached. */
  readonly transport: Transport;
  readonly connect = connectOverWebSocket;
  readonly #answerMs: number;
  /** Index of the manager that answered last. */
  #preferred = 0;
  #token: Token | undefined;
  #login: Promise<Token> | undefined;
  /** @throws TypeError on an address that is no http or https URL. */
  constructor({ addresses, credentials, transport, answerMs }: DirectoryOptions) {
    if (addresses.length === 0) throw new TypeError('clusterManager: at least one address is needed.');
    this.#addresses = addresses.map(baseAddress);
    this.#credentials = credentials;
    this.transport = transport ?? {};
    this.#answerMs = answerMs ?? 10_000;
    if ('machineKey' in credentials) this.#token = { text: credentials.machineKey, renewAt: Infinity };
    if ('token' in credentials) this.#token = { text: credentials.token, renewAt: Infinity };
  }

  /** @throws DrcError `UNAUTHENTICATED`, `MANAGER_UNREACHABLE`, … */
  async topics(signal: AbortSignal): Promise<readonly TopicInfo[]> {
    const answer = await this.#ask('/v1/topics', signal);
    const topics = answer['topics'];
    if (!Array.isArray(topics) || !topics.every(isTopicInfo)) throw malformed('topics');
    return topics.map(({ topic, stores }) => ({ topic, stores }));
  }

  /**
   * The stores that have a topic from a moment on.
   * @param reader name of the subscription, or of the client: readers of one name keep to one store
   * @throws DrcError `TOPIC_UNKNOWN`, `RETENTION_EXPIRED`, `STORE_UNAVAILABLE`, `MANAGER_UNREACHABLE`, …
   */
  async stores(topic: string, from: StartFrom, signal: AbortSignal, reader: string = ''): Promise<Placement> {
    const path = `/v1/topics/${encodeURIComponent(topic)}/stores`;
    const moment = fromText(from);
    const name = reader.slice(0, maxReaderCharacters);
    const answer =
      moment.length <= maxQueryCharacters
        ? await this.#ask(`${path}?${new URLSearchParams({ from: moment, reader: name }).toString()}`, signal)
        : await this.#ask(path, signal, { from: moment, reader: name });
    const { stores, ticket, ticketExpiresAt } = answer;
    if (!Array.isArray(stores) || !stores.every(isStoreAddress)) throw malformed('stores');
    if (!isBearer(ticket) || typeof ticketExpiresAt !== 'number') throw malformed('a ticket');
    return { stores: stores.map(({ id, address }) => ({ id, address })), ticket, ticketExpiresAt };
  }

  /** Any other question. @throws DrcError what the manager says, or `MANAGER_UNREACHABLE`, … */
  async ask(
    method: string,
    path: string,
    body: object,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>> {
    return this.#ask(path, signal, body, method);
  }

  /** A question with a body is posted, where it does not say otherwise. */
  async #ask(
    path: string,
    signal: AbortSignal,
    body?: unknown,
    method?: string,
  ): Promise<Record<string, unknown>> {
    const token = await this.#current(signal);
    try {
      return await this.#request(path, signal, { token: token.text, body, method });
    } catch (error) {
      // A manager that lost its sessions, or keys that rotated: one fresh login tells whether we are still welcome.
      if (!isDrcError(error, 'UNAUTHENTICATED') || !('password' in this.#credentials)) throw error;
      if (this.#token === token) this.#token = undefined;
      const fresh = await this.#current(signal);
      return this.#request(path, signal, { token: fresh.text, body, method });
    }
  }

  async #current(signal: AbortSignal): Promise<Token> {
    if (this.#token !== undefined && this.#token.renewAt > Date.now()) return this.#token;
    // Shared by all subscriptions: the end of one of them must not end the login of the others.
    this.#login ??= this.#logIn().finally(() => (this.#login = undefined));
    return (this.#token = await unlessAborted(this.#login, signal));
  }

  async #logIn(): Promise<Token> {
    const answer = await this.#request('/v1/login', new AbortController().signal, {
      body: this.#credentials,
    });
    const { token, expiresAt } = answer;
    if (!isBearer(token) || typeof expiresAt !== 'number') throw malformed('a login');
    const now = Date.now();
    return { text: token, renewAt: now + (expiresAt - now) * renewalPoint };
  }

  async #request(path: string, signal: AbortSignal, content: Content): Promise<Record<string, unknown>> {
    let failure: unknown;
    for (let i = 0; i < this.#addresses.length; i++) {
      const index = (this.#preferred + i) % this.#addresses.length;
      try {
        const answer = await this.#requestOf(this.#addresses[index]!, path, signal, content);
        this.#preferred = index;
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof DrcError) || !othersMayKnowMore.includes(error.code)) throw error;
        if (failure === undefined || isDrcError(failure, 'MANAGER_UNREACHABLE')) failure = error;
      }
    }
    throw failure;
  }

  /** One question to one manager. @throws DrcError, `MANAGER_UNREACHABLE` where there is no answer. */
  async #requestOf(
    address: string,
    path: string,
    signal: AbortSignal,
    { token, body, method }: Content,
  ): Promise<Record<string, unknown>> {
    const answer = await jsonRequest(address, {
      ...this.transport,
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      path,
      ...(token === undefined ? {} : { token }),
      ...(body === undefined ? {} : { body }),
      signal,
      timeoutMs: this.#answerMs,
      maxAnswerBytes,
    });
    return contentOf(answer, address);
  }
}

function contentOf(answer: JsonAnswer, address: string): Record<string, unknown> {
  if (answer.status < 200 || answer.status > 299) throw refusalOf(answer, address);
  if (answer.status === 204) return {};
  let value: unknown;
  try {
    value = JSON.parse(answer.text);
  } catch (cause) {
    throw malformed('an answer that is no JSON', { cause });
  }
  if (!isObject(value)) throw malformed('an answer that is no object');
  return value;
}

function refusalOf({ status, headers, text }: JsonAnswer, address: string): DrcError {
  const told = errorOfBody(text);
  if (told?.code === 'RATE_LIMITED' && told.details['retryAfterMs'] === undefined) {
    const seconds = Number(headers['retry-after'] ?? Number.NaN);
    if (Number.isFinite(seconds))
      return new DrcError(told.code, told.message, { ...told.details, retryAfterMs: seconds * 1000 });
  }
  // An internal error of one manager says nothing of the others.
  if (told !== undefined && (status < 500 || told.code !== 'INTERNAL')) return told;
  const message = `${address} answered with status ${status}.`;
  if (status >= 500) return new DrcError('MANAGER_UNREACHABLE', message, { address, status });
  if (status === 401) return new DrcError('UNAUTHENTICATED', message, { address, status });
  if (status === 403) return new DrcError('FORBIDDEN', message, { address, status });
  return new DrcError('PROTOCOL_VIOLATION', message, { address, status });
}

function baseAddress(address: string): string {
  if (!URL.canParse(address) || !['http:', 'https:'].includes(new URL(address).protocol))
    throw new TypeError(`clusterManager: ${JSON.stringify(address)} is no http or https address.`);
  return address.replace(/\/+$/, '');
}

function fromText(from: StartFrom): string {
  if (from.kind === 'timestamp') return `timestamp:${from.time}`;
  if (from.kind === 'checkpoint') return `checkpoint:${from.checkpoint}`;
  if (from.kind === 'transaction') return `transaction:${from.id}`;
  return from.kind;
}

/** Fit for a header. */
const isBearer = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);

const isTopicInfo = (value: unknown): value is TopicInfo =>
  isObject(value) && typeof value['topic'] === 'string' && typeof value['stores'] === 'number';

const isStoreAddress = (value: unknown): value is StoreAddress =>
  isObject(value) && typeof value['id'] === 'string' && isSocketAddress(value['address']);

const isSocketAddress = (value: unknown): boolean =>
  typeof value === 'string' && URL.canParse(value) && ['ws:', 'wss:'].includes(new URL(value).protocol);

const malformed = (what: string, options?: ErrorOptions): DrcError =>
  new DrcError('PROTOCOL_VIOLATION', `The cluster manager sent ${what}, malformed.`, {}, options);
