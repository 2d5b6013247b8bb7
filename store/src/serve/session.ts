import {
  canonicalTransactionId,
  Checkpoint,
  decodeClientMessage,
  DrcError,
  encodeMessage,
  FrameKind,
  isDrcError,
  openFrame,
  protocolVersions,
  type ErrorCode,
  type Hello,
  type Renew,
  type StoreMessage,
  type Subscribe,
} from '@drc/protocol';
import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import type { Ticket, TicketVerifier } from './authorize.js';
import { Credit, InboundAllowance } from './credit.js';
import { Delivery } from './delivery.js';
import { Filter, type Wish } from './filter.js';
import type { FramePool } from './frame-pool.js';
import { FrameWriter, type FrameSink } from './frame-writer.js';
import type { ManagerContact } from './manager-contact.js';
import type { HeadPace } from './head-pace.js';
import type { HistoryReads } from './history-reads.js';
import type { ReadableLog } from './readable-log.js';
import type { Revocations } from './revocations.js';
import type { ServeCounters } from './serve-counters.js';
import { CloseCode, next, type SessionEvent, type SessionState } from './session-state.js';
import { TicketWatch } from './ticket-watch.js';

/** A client's connection, after the upgrade. */
export interface SessionSocket extends FrameSink {
  /** Bytes given to `send` that are not with the kernel yet. */
  readonly unsentBytes: number;
  /** Ends the connection in order; `reason` is an error code or empty. */
  close(code: number, reason: string): void;
}

/** What all sessions of a store share. */
export interface SessionEnvironment {
  readonly topic: string;
  readonly storeId: string;
  readonly log: ReadableLog;
  readonly verifier: TicketVerifier;
  readonly contact: ManagerContact;
  readonly revocations: Revocations | undefined;
  /** Whether the topic has, or ever had, this table (`schema.table`). */
  readonly hasTable: (table: string) => boolean | Promise<boolean>;
  readonly pool: FramePool;
  readonly counters: ServeCounters;
  readonly clock: Clock;
  readonly headPace: HeadPace;
  readonly historyReads: HistoryReads;
  readonly limits: SessionLimits;
  /** The key of hashed columns; absent: this store serves no grant that hashes. */
  readonly columnHashKey?: Buffer | undefined;
}

export interface SessionLimits {
  /** From the upgrade to the greeting, and from there to the subscription; default 5 s. */
  readonly greetingMs: number;
  /** How long a session may go on after its ticket ran out, while no manager can be reached; default 1 h. */
  readonly ticketGraceMs: number;
  /** How long its client then has for the renewal, once a manager is back; default 60 s. */
  readonly renewWithinMs: number;
  /** How long a stopping store waits for a client that takes its time; default 3 s. */
  readonly drainMs: number;
  /** Bytes read from the log at a time; default 256 KiB. */
  readonly burstBytes: number;
  /** Bytes of data frames that may wait for the kernel; default 192 KiB. */
  readonly maxUnsentBytes: number;
  /** How far a seek by time goes back beyond the source's resolution; default 1 s. */
  readonly seekMarginMs: number;
}

/** What an operator sees of a session. */
export interface SessionStatus {
  readonly principal: string;
  readonly client: string;
  readonly state: SessionState['kind'];
  /** The transaction that comes next; 0 before the subscription. */
  readonly lsn: number;
  /** Transactions in the log that the session has not passed: its lag, also where it is stalled. */
  readonly transactionsBehind: number;
  readonly outstandingBytes: number;
}

/** Control messages may not pile up for a client that does not read. */
const maxUnsentControlBytes = 256 * 1024;

/**
 * One client's session: the conversation of protocol's messages.ts, and the delivery that it asks for. What a session
 * holds at most: one burst (`burstBytes` and the chunk that exceeds it), `maxUnsentBytes` of frames waiting for the kernel,
 * one open frame (64 KiB), and unsent answers (256 KiB). At the head it holds none of them.
 */
export class Session {
  readonly #environment: SessionEnvironment;
  readonly #socket: SessionSocket;
  readonly #logger: Logger;
  readonly #allowance = new InboundAllowance();
  readonly #openedAt: number;
  /** Stops the reading after the burst under way. */
  readonly #stop = new AbortController();
  /** Ends every wait at once. */
  readonly #end = new AbortController();
  #state: SessionState = { kind: 'greeting' };
  readonly #ticketWatch: TicketWatch;
  /** Before the subscription: all. */
  #wish: Wish = { tables: [], operations: [] };
  #client = '';
  #credit: Credit | undefined;
  #writer: FrameWriter | undefined;
  #delivery: Delivery | undefined;
  /** Settles, never rejects, when the delivery has ended. */
  #work: Promise<void> = Promise.resolve();
  #deadline: NodeJS.Timeout | undefined;

  constructor(environment: SessionEnvironment, socket: SessionSocket, ticket: Ticket, logger: Logger) {
    this.#environment = environment;
    this.#socket = socket;
    this.#logger = logger;
    this.#openedAt = environment.clock.monotonic();
    this.#armDeadline();
    const { clock, verifier, limits, contact, revocations } = environment;
    this.#ticketWatch = new TicketWatch(ticket, {
      clock,
      toleranceMs: verifier.clockToleranceMs,
      graceMs: limits.ticketGraceMs,
      renewWithinMs: limits.renewWithinMs,
      contact,
      revocations,
      end: (kind) => this.#apply({ kind }),
    });
  }

  /** The one in force. */
  get #ticket(): Ticket {
    return this.#ticketWatch.ticket;
  }

  get status(): SessionStatus {
    const lsn = this.#delivery?.nextLsn ?? 0;
    return {
      principal: this.#ticket.principal,
      client: this.#client,
      state: this.#state.kind,
      lsn,
      transactionsBehind: lsn === 0 ? 0 : Math.max(0, this.#environment.log.head.value.lsn + 1 - lsn),
      outstandingBytes: this.#credit?.outstandingBytes ?? 0,
    };
  }

  /** Resolves when the delivery, if there is one, has ended. */
  get finished(): Promise<void> {
    return this.#work;
  }

  /** A message from the client. Never throws: what is wrong with it ends the session. */
  receive(data: Buffer, isBinary: boolean): void {
    if (this.#state.kind === 'ended') return;
    try {
      this.takeAllowance();
      if (!isBinary)
        return this.#fail('PROTOCOL_VIOLATION', 'Text messages are not taken.', CloseCode.unsupportedData);
      this.#handle(data);
    } catch (error) {
      this.#failWith(error);
    }
  }

  /** Counts an inbound frame, also one that is not for the session (a ping). @throws DrcError `RATE_LIMITED`. */
  takeAllowance(): void {
    const sessionMs = this.#environment.clock.monotonic() - this.#openedAt;
    this.#allowance.take(this.#writer?.framesSent ?? 0, sessionMs);
  }

  /** Ends the session because of an error outside its own conversation. */
  fail(error: unknown): void {
    this.#failWith(error);
  }

  /** The store stops: ends the session after the burst under way, at the latest after `drainMs`. */
  drain(): void {
    this.#apply({ kind: 'drain' });
    if (this.#state.kind !== 'draining') return;
    this.#stop.abort();
    this.#deadline = setTimeout(() => this.#apply({ kind: 'drained' }), this.#environment.limits.drainMs);
  }

  /** The connection is gone. */
  closed(): void {
    this.#apply({ kind: 'closed' });
  }

  #handle(data: Buffer): void {
    const message = this.#decode(data);
    if (message === undefined) return;
    // A message out of turn ends the session here.
    this.#apply({ kind: message.type });
    if (this.#ended) return;
    switch (message.type) {
      case 'hello':
        return this.#greet(message);
      case 'subscribe':
        this.#work = this.#deliver(message);
        return;
      case 'credit':
        this.#credit?.acknowledge(message.bytes);
        this.#writer?.wake();
        return;
      case 'committed':
        return;
      case 'renew':
        return this.#renew(message);
    }
  }

  #decode(data: Buffer): ReturnType<typeof decodeClientMessage> | undefined {
    try {
      const frame = openFrame(data);
      if (frame.kind === FrameKind.control) return decodeClientMessage(frame.payload);
    } catch (error) {
      if (!isDrcError(error)) throw error;
      this.#fail(error.code, error.message, CloseCode.invalidPayload);
      return undefined;
    }
    this.#fail('PROTOCOL_VIOLATION', 'A client sends no data frames.', CloseCode.policyViolation);
    return undefined;
  }

  #greet({ versions, topic, client }: Hello): void {
    const { storeId, log } = this.#environment;
    const version = protocolVersions.find((ours) => versions.includes(ours));
    if (version === undefined) {
      throw new DrcError('PROTOCOL_VERSION', `This store speaks protocol ${protocolVersions.join(', ')}.`, {
        versions: protocolVersions.map(String),
      });
    }
    if (topic !== this.#environment.topic)
      throw new DrcError('WRONG_STORE', `This store does not serve ${topic}.`);
    if (client.length > 100) throw new DrcError('PROTOCOL_VIOLATION', 'The name of the client is too long.');
    this.#client = client;
    this.#send({ type: 'welcome', version, store: storeId, topic, log: log.extent() });
    this.#armDeadline();
  }

  async #deliver(message: Subscribe): Promise<void> {
    clearTimeout(this.#deadline);
    try {
      const delivery = await this.#prepare(message);
      await delivery.run();
      this.#apply({ kind: 'drained' });
    } catch (error) {
      if (this.#ended) return;
      this.#failWith(error);
    }
  }

  /** Looks everything up, answers, and makes the delivery. */
  async #prepare({
    from,
    tables,
    operations,
    credit,
    acknowledgeGaps = [],
    rules,
    partition,
  }: Subscribe): Promise<Delivery> {
    const { log, hasTable, limits, pool, counters, clock, headPace, historyReads, columnHashKey } =
      this.#environment;
    const wish = { tables, operations, rules, partition };
    const filter = new Filter(wish, this.#ticket.grant, columnHashKey);
    this.#wish = wish;
    const acknowledgedGaps = new Set(acknowledgeGaps.map(canonicalTransactionId));
    for (const table of filter.namedTables) {
      if (!(await hasTable(table))) {
        throw new DrcError('TABLE_UNKNOWN', `The topic has no table ${table}.`, { table });
      }
    }
    const checkpoint = from.kind === 'checkpoint' ? this.#parseCheckpoint(from.checkpoint) : undefined;
    const sought = await log.seek(from, limits.seekMarginMs);
    // For a checkpoint the log answers with what the client has; what is counted on from here is what the log has.
    const executed = checkpoint === undefined ? sought.set : await log.executedBefore(sought.lsn);
    const start = { lsn: sought.lsn, set: executed };
    const ahead =
      checkpoint !== undefined &&
      !checkpoint.set.isSubsetOf(await log.executedBefore(log.head.value.lsn + 1));
    this.#end.signal.throwIfAborted();
    this.#credit = new Credit(credit);
    this.#writer = new FrameWriter({
      sink: this.#socket,
      credit: this.#credit,
      pool,
      counters,
      signal: this.#end.signal,
      maxUnsentBytes: limits.maxUnsentBytes,
    });
    const set = checkpoint === undefined ? executed : checkpoint.set.union(executed);
    const { lineage } = log;
    this.#send({
      type: 'subscribed',
      lineage,
      lsn: start.lsn,
      set: set.toString(),
      grant: filter.effective,
      ...(ahead ? { ahead } : {}),
    });
    this.#apply({ kind: 'sought', ahead });
    if (ahead)
      this.#logger.warn(
        { checkpoint: checkpoint.set.toString() },
        'The checkpoint is ahead of the log: waiting',
      );
    this.#delivery = new Delivery({
      log,
      filter,
      writer: this.#writer,
      counters,
      clock,
      headPace,
      historyReads,
      start,
      checkpoint,
      acknowledgedGaps,
      burstBytes: limits.burstBytes,
      stop: this.#stop.signal,
      end: this.#end.signal,
      observer: {
        caughtUp: (lsn, announce) => {
          this.#apply({ kind: 'caughtUp' });
          if (announce) this.#send({ type: 'caughtUp', lsn });
        },
        behind: () => this.#apply({ kind: 'behind' }),
        passed: () => this.#apply({ kind: 'passed' }),
      },
    });
    return this.#delivery;
  }

  #parseCheckpoint(text: string): Checkpoint {
    const checkpoint = Checkpoint.parse(text);
    const { topic } = this.#environment;
    if (checkpoint.topic !== topic) {
      throw new DrcError(
        'CHECKPOINT_INVALID',
        `The checkpoint is of topic ${checkpoint.topic}, not ${topic}.`,
      );
    }
    return checkpoint;
  }

  #renew({ ticket: text }: Renew): void {
    const ticket = this.#environment.verifier.verify(text);
    if (ticket.principal !== this.#ticket.principal) {
      throw new DrcError('FORBIDDEN', 'The new ticket is another principal’s.');
    }
    if (this.#accessText(ticket) !== this.#accessText(this.#ticket)) {
      throw new DrcError('GRANT_CHANGED', 'The new ticket has another grant.');
    }
    this.#ticketWatch.renew(ticket);
    this.#send({ type: 'renewed', expiresAt: ticket.expiresAt });
  }

  /** What the session's wish comes to under the ticket; undefined where it is not allowed any more. */
  #accessText({ grant }: Ticket): string | undefined {
    try {
      return new Filter(this.#wish, grant, this.#environment.columnHashKey).accessText;
    } catch (error) {
      if (isDrcError(error)) return undefined;
      throw error;
    }
  }

  #armDeadline(): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#apply({ kind: 'deadline' }), this.#environment.limits.greetingMs);
  }

  #send(message: StoreMessage): void {
    if (this.#socket.unsentBytes > maxUnsentControlBytes + this.#environment.limits.maxUnsentBytes) {
      throw new DrcError('RATE_LIMITED', 'Answers pile up for a client that does not read.');
    }
    this.#socket.send(encodeMessage(message), () => undefined);
  }

  #failWith(error: unknown): void {
    if (isDrcError(error)) {
      this.#fail(error.code, error.message, closeCodeOf(error.code), error);
      return;
    }
    this.#logger.error({ err: error }, 'A session failed');
    this.#fail('INTERNAL', 'The store failed; its log tells more.', CloseCode.internalError);
  }

  #fail(code: ErrorCode, message: string, closeCode: number, cause?: DrcError): void {
    this.#details = cause?.details ?? {};
    this.#apply({ kind: 'failed', closeCode, error: { code, message } });
  }

  #details: DrcError['details'] = {};

  #apply(event: SessionEvent): void {
    const before = this.#state;
    this.#state = next(before, event);
    if (this.#state.kind === 'ended' && before.kind !== 'ended') this.#finish(this.#state, event);
  }

  #finish(end: SessionState & { readonly kind: 'ended' }, event: SessionEvent): void {
    clearTimeout(this.#deadline);
    this.#ticketWatch[Symbol.dispose]();
    const reason = new DrcError('CLOSED', 'The session ended.');
    this.#stop.abort(reason);
    this.#end.abort(reason);
    void this.#work.then(() => this.#writer?.discard());
    if (event.kind === 'closed') return;
    if (end.error !== undefined) this.#tell(end.error);
    this.#socket.close(end.closeCode, end.error?.code ?? '');
  }

  #tell({ code, message }: { readonly code: ErrorCode; readonly message: string }): void {
    this.#environment.counters.refuse(code);
    this.#logger.info({ code, reason: message, details: this.#details }, 'The session ends with an error');
    const details = Object.fromEntries(
      Object.entries(this.#details).filter(([, value]) => value !== undefined),
    );
    this.#socket.send(encodeMessage({ type: 'error', code, message, details }), () => undefined);
  }

  get #ended(): boolean {
    return this.#state.kind === 'ended';
  }
}

/** Refusals are the client's to mend, 1008; the rest is ours, 1011. */
function closeCodeOf(code: ErrorCode): number {
  return code === 'INTERNAL' || code === 'CLOSED' || code.startsWith('LOG_')
    ? CloseCode.internalError
    : CloseCode.policyViolation;
}
