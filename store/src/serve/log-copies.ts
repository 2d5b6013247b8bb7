import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { DrcError, isDrcError, type ErrorCode } from '@drc/protocol';
import type { Logger } from 'pino';
import { encodeEntries, encodePageEnd } from '../log/copy/entry-stream.js';
import type { LogPages } from '../log/copy/log-pages.js';
import type { Ticket, TicketVerifier } from './authorize.js';
import type { HistoryReads } from './history-reads.js';
import type { Revocations } from './revocations.js';
import type { ServeCounters } from './serve-counters.js';
import { bearerOf } from './upgrade.js';

/*
 * The log for a sister store that fills an empty one, page by page:
 *
 *   GET /v1/log/<topic>[?lineage=<32 hex digits>&lsn=<n>&chunk=<n>]
 *   Authorization: Bearer <ticket of the audience drc-sister:<cluster>/<topic>>
 *
 *   200   drc-lineage, drc-head-lsn; the body is a page (entry-stream.ts) from that chunk of this lineage on, by default the oldest
 *   401, 403, 410, 421, 429, 503   drc-error: its code
 */

/** What a log must be to be copied. */
export interface CopyableLog {
  readonly lineage: string;
  readonly head: { readonly value: { readonly lsn: number } };
  readonly pages: LogPages;
}

export interface LogCopiesOptions {
  readonly topic: string;
  readonly log: CopyableLog;
  readonly verifier: TicketVerifier;
  readonly revocations: Revocations | undefined;
  readonly historyReads: HistoryReads;
  readonly counters: ServeCounters;
  readonly logger: Logger;
  /** Chunks of a page, bytes. Default 64 MiB. */
  readonly pageBytes?: number;
  /** In which a sister store must have taken 64 KiB. Default 30 s. */
  readonly stallMs?: number;
}

const defaultPageBytes = 64 * 1024 * 1024;
const defaultStallMs = 30_000;
const stepBytes = 64 * 1024;
/** At a time: each reads as fast as it can. */
const mostCopies = 2;

const statuses: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  TICKET_EXPIRED: 401,
  TICKET_REVOKED: 401,
  FORBIDDEN: 403,
  RETENTION_EXPIRED: 410,
  WRONG_STORE: 421,
  RATE_LIMITED: 429,
  STORE_UNAVAILABLE: 503,
};

/** Gives pages of the log to sister stores, in turn with the sessions that read history. Holds one burst for each. */
export class LogCopies {
  readonly #options: LogCopiesOptions;
  #active = 0;

  constructor(options: LogCopiesOptions) {
    this.#options = options;
  }

  /** @returns false where the request is none of these. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    const wanted = wantedOf(request.url ?? '');
    if (wanted === undefined || request.method !== 'GET') return false;
    this.#answer(wanted, request, response).catch((error: unknown) => this.#fail(error, response));
    return true;
  }

  async #answer(wanted: Wanted, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { topic, log, verifier, logger } = this.#options;
    if (wanted.topic !== topic) throw new DrcError('WRONG_STORE', `This store does not serve ${topic}.`);
    const text = bearerOf(request);
    if (text === undefined) throw new DrcError('UNAUTHENTICATED', 'There is no ticket.');
    const ticket = verifier.verify(text, 'sister');
    if (wanted.lineage !== undefined && wanted.lineage !== log.lineage)
      throw new DrcError('WRONG_STORE', 'The log is another one.');
    if (this.#active >= mostCopies) throw new DrcError('RATE_LIMITED', 'Other stores copy the log already.');
    this.#active++;
    try {
      logger.info({ principal: ticket.principal, ...wanted }, 'A sister store copies the log');
      await this.#send(wanted, ticket, response);
    } finally {
      this.#active--;
    }
  }

  async #send({ from }: Wanted, ticket: Ticket, response: ServerResponse): Promise<void> {
    const { log, historyReads, pageBytes = defaultPageBytes, revocations } = this.#options;
    const reading = <T>(read: () => Promise<T>): Promise<T> => historyReads.take(read);
    const page = log.pages.read({ from, maxBytes: pageBytes, reading });
    for (;;) {
      const next = await page.next();
      if (!response.headersSent) {
        response.writeHead(200, {
          'content-type': 'application/octet-stream',
          'drc-lineage': log.lineage,
          'drc-head-lsn': log.head.value.lsn,
          connection: 'close',
        });
      }
      if (next.done === true) return void response.end(encodePageEnd(next.value));
      if (revocations?.covers(ticket) === true)
        throw new DrcError('TICKET_REVOKED', 'The ticket was taken back.');
      await this.#write(encodeEntries(next.value), response);
      await setImmediate();
      if (response.destroyed) return void (await page.return('more'));
    }
  }

  /** In small steps: whoever takes one in time is not stalled, however long all of it takes. */
  async #write(bytes: Buffer, response: ServerResponse): Promise<void> {
    for (let at = 0; at < bytes.length && !response.destroyed; at += stepBytes)
      if (!response.write(bytes.subarray(at, at + stepBytes))) await this.#drained(response);
  }

  async #drained(response: ServerResponse): Promise<void> {
    const { stallMs = defaultStallMs } = this.#options;
    const timer = setTimeout(() => response.destroy(), stallMs);
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        response.off('drain', goOn).off('close', goOn);
        resolve();
      };
      response.on('drain', goOn).on('close', goOn);
      if (response.destroyed) goOn();
    });
    clearTimeout(timer);
  }

  #fail(error: unknown, response: ServerResponse): void {
    const { counters, logger } = this.#options;
    const code = isDrcError(error) ? error.code : 'INTERNAL';
    counters.refuse(code);
    if (isDrcError(error))
      logger.info({ code, reason: error.message }, 'A copy of the log was refused or ended');
    else logger.error({ err: error }, 'A copy of the log failed');
    if (response.headersSent) response.destroy();
    else
      response
        .writeHead(statuses[code] ?? 500, { 'drc-error': code, 'content-length': 0, connection: 'close' })
        .end();
  }
}

interface Wanted {
  readonly topic: string;
  readonly lineage?: string | undefined;
  readonly from?: { readonly lsn: number; readonly chunk: number } | undefined;
}

function wantedOf(url: string): Wanted | undefined {
  const [, encoded, query = ''] = /^\/v1\/log\/([^/?#]+)(?:\?(.{1,200}))?$/.exec(url) ?? [];
  if (encoded === undefined) return undefined;
  const topic = decoded(encoded);
  if (topic === undefined) return undefined;
  if (query === '') return { topic };
  const match = /^lineage=([0-9a-f]{32})&lsn=(\d{1,15})&chunk=(\d{1,10})$/.exec(query);
  if (match === null) return undefined;
  return { topic, lineage: match[1], from: { lsn: Number(match[2]), chunk: Number(match[3]) } };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
