import { DrcError, isDrcError, type ErrorCode, type StartFrom } from '@drc/protocol';
import { defaultBackoff, pause, pauseBefore } from './backoff.js';
import type { Placement, StoreAddress, StoreDirectory } from './directory.js';
import { grantTextOf } from './grant-text.js';
import { Session, type SessionOptions, type SessionRequest } from './session.js';
import { wantedIn, type SnapshotWish } from './snapshot-wish.js';

/** A ticket is renewed when this part of its life is over. */
const renewalPoint = 0.6;
/** Shortest pause between two renewals in ms, whatever the clocks say. */
const minRenewalMs = 1_000;
/** A placement is of use without a manager while its ticket has at least this long to go, in ms. */
const ticketMarginMs = 1_000;

/** Faults of one store, of its log, or of the server that it captures from: another store of the topic may do better. */
const storeFaults: ReadonlySet<ErrorCode> = new Set([
  'RETENTION_EXPIRED',
  'BACKFILL_UNAVAILABLE',
  'SNAPSHOT_UNAVAILABLE',
  'LOG_CORRUPT',
  'LOG_MISSING',
  'SOURCE_CHANGED',
  'SOURCE_HISTORY_CHANGED',
  'BINLOG_PURGED',
  'GTID_PURGED',
  'BINLOG_POSITION',
  'BINLOG_RESET',
  'PROTOCOL_VERSION',
  'PLAINTEXT_REFUSED',
  'INTERNAL',
]);

/** What a subscription wants, wherever it begins. */
export interface TopicRequest extends Omit<SessionRequest, 'from' | 'snapshot'> {
  readonly snapshot?: SnapshotWish | undefined;
}

/** Finds a store for one subscription, opens a session with it, and keeps the session's ticket fresh. */
export class SessionSource {
  readonly #directory: StoreDirectory;
  readonly #request: TopicRequest;
  readonly #options: SessionOptions;
  /** The manager's last answer: without a manager its stores are still good while the ticket is. */
  #placement: Placement | undefined;
  /** What was in force in the session before; undefined until there is one. */
  #grant: string | undefined;
  /** Ends the renewal of the session before. */
  #renewal = new AbortController();
  /** Of the session opened last. */
  #address: string | undefined;
  /** The store that is being drained, and has sent its session away; the next `open` tries it last. */
  #left: string | undefined;
  /** The store that ended its session by a fault of its own; the next `open` passes over it. */
  #faulty: { readonly address: string; readonly error: DrcError } | undefined;

  constructor(directory: StoreDirectory, request: TopicRequest, options: SessionOptions = {}) {
    this.#directory = directory;
    this.#request = request;
    this.#options = { connect: directory.connect, ...options };
  }

  get topic(): string {
    return this.#request.topic;
  }

  /** Whether a session that begins there is to copy tables. */
  copiesFrom(from: StartFrom): boolean {
    return wantedIn(this.#request.snapshot, from) !== undefined;
  }

  /**
   * Tries each store of the topic that covers the moment, once, best first; one that has just failed not at all.
   * @throws the signal's reason, or a DrcError: one that can be retried where any of the stores gave such a one.
   */
  async open(from: StartFrom, signal: AbortSignal): Promise<Session> {
    this.#renewal.abort();
    const placement = await this.#place(from, signal);
    const faulty = this.#faulty;
    this.#faulty = undefined;
    let failure = faulty?.error;
    // A manager that has not heard of it yet may still name it first.
    const isLeft = ({ address }: StoreAddress): number => Number(address === this.#left);
    for (const { address } of placement.stores.toSorted((a, b) => isLeft(a) - isLeft(b))) {
      if (address === faulty?.address) continue;
      try {
        const session = await Session.open(
          address,
          placement.ticket,
          { ...this.#request, from, snapshot: wantedIn(this.#request.snapshot, from) },
          signal,
          this.#options,
        );
        await this.#mustHaveSameGrant(session);
        this.#left = undefined;
        this.#address = address;
        this.#renewal = new AbortController();
        void this.#keepFresh(session, placement.ticketExpiresAt, this.#renewal.signal);
        return session;
      } catch (error) {
        signal.throwIfAborted();
        if (!isDrcError(error) || !(error.retryable || storeFaults.has(error.code))) throw error;
        if (error.retryable) failure = error;
        else failure ??= error;
      }
    }
    throw failure ?? new DrcError('STORE_UNAVAILABLE', `No store has the topic ${this.topic} at the moment.`);
  }

  /**
   * To be told when an open session has ended by an error that cannot be retried.
   * @returns whether `open` may find a store that does better; where there is none, it throws this error
   */
  canMoveOn(error: DrcError): boolean {
    if (!storeFaults.has(error.code) || this.#address === undefined) return false;
    // A session that fell off the log may still find its place in the same one.
    if (error.code !== 'RETENTION_EXPIRED') this.#faulty = { address: this.#address, error };
    return true;
  }

  /**
   * The wish is the same in each session: where the effective filter is another, the grant was changed while there was none.
   * @throws DrcError `GRANT_CHANGED`, as the renewal of a ticket would have brought
   */
  async #mustHaveSameGrant(session: Session): Promise<void> {
    const grant = grantTextOf(session.subscribed.grant);
    if (this.#grant !== undefined && grant !== this.#grant) {
      await session.close();
      throw new DrcError(
        'GRANT_CHANGED',
        `What may be read of ${this.topic} was changed while the subscription had no session.`,
      );
    }
    this.#grant = grant;
  }

  /** To be told why an open session ended. @returns whether the next one is to be opened at once. */
  ended(error: unknown): boolean {
    if (!isDrcError(error, 'STORE_DRAINING')) return false;
    this.#left = this.#address;
    return true;
  }

  /** Ends the renewal of tickets. The session belongs to who opened it. */
  close(): void {
    this.#renewal.abort();
  }

  /** The stores that have the moment; where none has, those that may read it from the source. */
  async #reaching(from: StartFrom, signal: AbortSignal): Promise<Placement> {
    const { name, client, backfill } = this.#request;
    const reader = name ?? client;
    try {
      return await this.#directory.stores(this.topic, from, signal, reader);
    } catch (error) {
      if (backfill !== true || !isDrcError(error, 'RETENTION_EXPIRED')) throw error;
      return await this.#directory.stores(this.topic, { kind: 'earliest' }, signal, reader);
    }
  }

  async #place(from: StartFrom, signal: AbortSignal): Promise<Placement> {
    try {
      return (this.#placement = await this.#reaching(from, signal));
    } catch (error) {
      const known = this.#placement;
      const isUsable = known !== undefined && known.ticketExpiresAt > Date.now() + ticketMarginMs;
      if (
        isDrcError(error) &&
        (error.code === 'MANAGER_UNREACHABLE' || error.code.startsWith('TLS_')) &&
        isUsable
      )
        return known;
      throw error;
    }
  }

  /** Never throws: a ticket that could not be renewed ends the session, and the next placement says why. */
  async #keepFresh(session: Session, expiresAt: number, signal: AbortSignal): Promise<void> {
    let until = expiresAt;
    let failures = 0;
    try {
      for (;;) {
        const wait =
          failures === 0
            ? (until - Date.now()) * renewalPoint
            : pauseBefore(failures, Math.random(), defaultBackoff);
        await pause(Math.max(minRenewalMs, wait), signal);
        try {
          const { ticket, ticketExpiresAt } = await this.#directory.stores(
            this.topic,
            { kind: 'latest' },
            signal,
          );
          failures = 0;
          session.renew(ticket);
          until = ticketExpiresAt;
          if (this.#placement !== undefined)
            this.#placement = { ...this.#placement, ticket, ticketExpiresAt };
        } catch (error) {
          if (!isDrcError(error) || !error.retryable) return;
          failures++;
        }
      }
    } catch {
      // Aborted: the session is over.
    }
  }
}
