import { DrcError, isDrcError, type ErrorCode, type Hello, type Renew, type Subscribe } from '@drc/protocol';
import type { Logger } from 'pino';
import { Answers } from './answers.js';
import type { Ticket } from './authorize.js';
import { closeBackfill, type Backfill } from './backfills.js';
import { openClientFrame } from './client-frame.js';
import type { HistoryEnd } from './common-history.js';
import { copiedTables } from './copied-tables.js';
import { Credit, InboundAllowance } from './credit.js';
import { Delivery } from './delivery.js';
import { sendDescription } from './description.js';
import type { Wish } from './filter.js';
import type { ViewShare } from './filter-views.js';
import { FrameWriter } from './frame-writer.js';
import { welcomeTo } from './greeting.js';
import type { SessionEnvironment, SessionSocket } from './session-environment.js';
import {
  CloseCode,
  closeCodeOf,
  isStreaming,
  next,
  type SessionEvent,
  type SessionState,
} from './session-state.js';
import type { SessionStatus } from './session-status.js';
import { mustRenew, wishOf } from './stream-beginning.js';
import { streamSource } from './stream-source.js';
import { TicketWatch } from './ticket-watch.js';

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
  readonly #answers: Answers;
  /** Before the subscription: all. */
  #wish: Wish = { tables: [], operations: [] };
  #client = '';
  #name: string | undefined;
  #committedLsn: number | undefined;
  #credit: Credit | undefined;
  #writer: FrameWriter | undefined;
  #delivery: Delivery | undefined;
  #share: ViewShare | undefined;
  #backfill: Backfill | undefined;
  /** Settles, never rejects, when the delivery has ended. */
  #work: Promise<void> = Promise.resolve();
  #deadline: NodeJS.Timeout | undefined;
  /** Whether another store is to take over. */
  #isLeaving = false;
  /** Of the error that ends the session. */
  #details: DrcError['details'] = {};

  constructor(environment: SessionEnvironment, socket: SessionSocket, ticket: Ticket, logger: Logger) {
    this.#environment = environment;
    this.#socket = socket;
    this.#logger = logger;
    this.#openedAt = environment.clock.monotonic();
    this.#armDeadline();
    const { clock, verifier, limits, contact, revocations, counters } = environment;
    const { maxUnsentBytes } = limits;
    this.#answers = new Answers({ socket, maxUnsentBytes, counters, clock, logger });
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
    // The numbers of a stretch from before the log say nothing of the log.
    const lsn = this.#backfill === undefined ? (this.#delivery?.nextLsn ?? 0) : 0;
    return {
      principal: this.#ticket.principal,
      name: this.#name,
      client: this.#client,
      state: this.#state.kind,
      lsn,
      transactionsBehind: lsn === 0 ? 0 : Math.max(0, this.#environment.log.head.value.lsn + 1 - lsn),
      outstandingBytes: this.#credit?.outstandingBytes ?? 0,
      committedLsn: this.#committedLsn,
    };
  }

  /** What the reader needs next is trimmed in about this time. */
  tellFalling(inMs: number): void {
    try {
      if (isStreaming(this.#state)) this.#answers.warnOfFall(inMs);
    } catch (error) {
      this.fail(error);
    }
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
      this.fail(error);
    }
  }

  /** Counts an inbound frame, also one that is not for the session (a ping). @throws DrcError `RATE_LIMITED`. */
  takeAllowance(): void {
    const sessionMs = this.#environment.clock.monotonic() - this.#openedAt;
    this.#allowance.take(this.#writer?.framesSent ?? 0, sessionMs);
  }

  /** Ends the session where it has come as far; else it ends there by itself, as it reads on. */
  historyEnded({ lsn, error }: HistoryEnd): void {
    if (this.#backfill === undefined && this.#delivery !== undefined && this.#delivery.nextLsn >= lsn)
      this.fail(error);
  }

  /**
   * Another store goes on: ends the session at the end of the transaction under way, at the latest after `leaveMs`.
   * @returns whether it does; what is read from the source for this reader, no other store has
   */
  leave(): boolean {
    if (this.#isLeaving || this.#backfill !== undefined) return this.#isLeaving;
    this.#apply({ kind: 'leave' });
    if (this.#state.kind !== 'draining') return false;
    this.#isLeaving = true;
    this.#delivery?.leave();
    this.#stop.abort();
    const { leaveMs } = this.#environment.limits;
    this.#deadline = setTimeout(() => this.fail(storeDraining()), leaveMs);
    return true;
  }

  /** The store stops: ends the session after the burst under way, at the latest after `drainMs`. */
  drain(): void {
    this.#apply({ kind: 'drain' });
    if (this.#state.kind !== 'draining') return;
    this.#stop.abort();
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#apply({ kind: 'drained' }), this.#environment.limits.drainMs);
  }

  /** The connection is gone. */
  closed(): void {
    this.#apply({ kind: 'closed' });
  }

  #handle(data: Buffer): void {
    const frame = openClientFrame(data);
    if (frame.kind === 'refused') return this.#fail(frame.code, frame.message, frame.closeCode);
    const { message } = frame;
    // A message out of turn ends the session here.
    this.#apply({ kind: message.type });
    if (this.#ended) return;
    switch (message.type) {
      case 'hello':
        return this.#greet(message);
      case 'subscribe':
        this.#work = this.#do(() => this.#deliver(message));
        return;
      case 'describe':
        this.#work = this.#do(async () => {
          await sendDescription(message, this.#environment, this.#ticket, this.#answers, this.#end.signal);
          this.#apply({ kind: 'described' });
          this.#armDeadline();
        });
        return;
      case 'credit':
        this.#credit?.acknowledge(message.bytes);
        this.#writer?.wake();
        return;
      case 'committed':
        // It is shown to people only, and is no more than a client's word: never beyond what it was sent.
        this.#committedLsn = Math.min(message.lsn, (this.#delivery?.nextLsn ?? 1) - 1);
        return;
      case 'renew':
        return this.#renew(message);
    }
  }

  #greet(hello: Hello): void {
    const welcome = welcomeTo(hello, this.#environment);
    this.#client = hello.client;
    this.#answers.send(welcome);
    this.#armDeadline();
  }

  /** Never rejects. */
  async #do(work: () => Promise<void>): Promise<void> {
    clearTimeout(this.#deadline);
    try {
      await work();
    } catch (error) {
      if (!this.#ended) this.fail(error);
    }
  }

  async #deliver(message: Subscribe): Promise<void> {
    const delivery = await this.#prepare(message);
    await delivery.run();
    if (this.#isLeaving) throw storeDraining();
    this.#apply({ kind: 'drained' });
  }

  /** Looks everything up, answers, and makes the delivery. */
  async #prepare(message: Subscribe): Promise<Delivery> {
    this.#name = message.name;
    this.#wish = wishOf(message);
    const { limits, pool, counters, clock, historyReads } = this.#environment;
    const source = await streamSource(this.#environment, this.#ticket, message, this.#end.signal);
    const { log, views, beginning, backfill } = source;
    this.#backfill = backfill;
    void backfill?.failed.then((error) => this.fail(error));
    this.#end.signal.throwIfAborted();
    const { filter, start, checkpoint, ahead, set, acknowledgedGaps, unmatched } = beginning;
    // What lies before the log is read first: its reader comes back for the rest, and for its copy.
    const copy = backfill
      ? undefined
      : copiedTables(this.#environment, this.#ticket, message, filter, checkpoint?.snapshot, this.#logger);
    this.#credit = new Credit(message.credit);
    this.#writer = new FrameWriter({
      sink: this.#socket,
      credit: this.#credit,
      pool,
      counters,
      signal: this.#end.signal,
      maxUnsentBytes: limits.maxUnsentBytes,
    });
    this.#answers.send({
      type: 'subscribed',
      lineage: log.lineage,
      lsn: start.lsn,
      set: set.toString(),
      grant: filter.effective,
      principal: this.#ticket.principal,
      ...(ahead ? { ahead } : {}),
      ...(unmatched.length > 0 ? { unmatched } : {}),
    });
    this.#apply({ kind: 'sought', ahead });
    if (ahead)
      this.#logger.warn({ checkpoint: set.toString() }, 'The checkpoint is ahead of the log: waiting');
    this.#share = views.take(filter);
    this.#delivery = new Delivery({
      log,
      share: this.#share,
      writer: this.#writer,
      counters,
      clock,
      historyReads,
      start,
      checkpoint,
      acknowledgedGaps,
      copy,
      burstBytes: limits.burstBytes,
      stop: this.#stop.signal,
      end: this.#end.signal,
      observer: {
        caughtUp: (lsn, announce) => {
          this.#apply({ kind: 'caughtUp' });
          if (announce && backfill === undefined) this.#answers.send({ type: 'caughtUp', lsn });
          // Where the log itself has the rest, the client comes back for that.
          if (backfill?.end !== undefined && lsn >= backfill.end) this.#stop.abort();
        },
        behind: () => this.#apply({ kind: 'behind' }),
        passed: () => this.#apply({ kind: 'passed' }),
      },
    });
    return this.#delivery;
  }

  #renew({ ticket: text }: Renew): void {
    const ticket = this.#environment.verifier.verify(text);
    mustRenew(this.#ticket, ticket, this.#wish, this.#environment.columnHashKey);
    this.#ticketWatch.renew(ticket);
    this.#answers.send({ type: 'renewed', expiresAt: ticket.expiresAt });
  }

  #armDeadline(): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#apply({ kind: 'deadline' }), this.#environment.limits.greetingMs);
  }

  /** Ends the session because of an error, also of one outside its own conversation. */
  fail(error: unknown): void {
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
    void this.#work.then(() => {
      this.#writer?.discard();
      this.#share?.[Symbol.dispose]();
      void closeBackfill(this.#backfill, this.#logger);
    });
    if (event.kind === 'closed') return;
    if (end.error !== undefined) this.#answers.fail(end.error, this.#details);
    this.#socket.close(end.closeCode, end.error?.code ?? '');
  }

  get #ended(): boolean {
    return this.#state.kind === 'ended';
  }
}

const storeDraining = (): DrcError =>
  new DrcError('STORE_DRAINING', 'The readers of this store are moved away; another store goes on.');
