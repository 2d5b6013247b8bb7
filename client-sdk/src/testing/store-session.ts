import {
  canonicalTransactionId,
  decodeClientMessage,
  DrcError,
  encodeMessage,
  FrameKind,
  frameHeaderBytes,
  isDrcError,
  maxFramePayloadBytes,
  openFrame,
  protocolVersions,
  sealFrame,
  type ClientMessage,
  type StoreMessage,
  type Subscribe,
} from '@drc/protocol';
import type { ConnectionListener, StoreConnection } from '../connection.js';
import { describedTables } from './described-tables.js';
import type { FaultPlan } from './faults.js';
import { LogWalk } from './log-walk.js';
import { ReaderView } from './reader-view.js';
import type { TopicLog } from './topic-log.js';

/**
 * The store's side of one session, within the process. It speaks the protocol (docs/protocol.md) in whole frames, as over a
 * socket, so that all of the SDK above the socket runs as it does in a service. It answers with the event loop's next
 * turn: never within a call of the SDK.
 */
export class StoreSession implements StoreConnection {
  readonly #log: TopicLog;
  readonly #plan: FaultPlan;
  readonly #listener: ConnectionListener;
  readonly #forget: () => void;
  #received: ClientMessage[] = [];
  #turn: NodeJS.Immediate | undefined;
  /** The pause under way, and its length. */
  #pause: NodeJS.Timeout | undefined;
  #pauseMs = 0;
  #isOpened = false;
  #isOver = false;
  #walk: LogWalk | undefined;
  /** Of the client's credit: the whole of it, and what is sent and not acknowledged. */
  #window = 0;
  #outstanding = 0;
  /** Of the record stream, what is not sent. */
  #unsent: Buffer = Buffer.alloc(0);
  /** Set when the connection ends behind what is unsent. */
  #end: { readonly error?: DrcError } | undefined;
  #isCaughtUp = false;

  constructor(log: TopicLog, plan: FaultPlan, listener: ConnectionListener) {
    this.#log = log;
    this.#plan = plan;
    this.#listener = listener;
    this.#forget = log.onChange(() => this.wake());
    this.wake();
  }

  /** Looks again at what there is to do. */
  wake(): void {
    if (!this.#isOver) this.#turn ??= setImmediate(() => this.#take());
  }

  send(message: ClientMessage): void {
    if (this.#isOver) return;
    // Through the bytes of a frame: what a socket would refuse is refused here.
    this.#received.push(decodeClientMessage(openFrame(encodeMessage(message)).payload));
    this.wake();
  }

  close(): Promise<void> {
    this.#over();
    return Promise.resolve();
  }

  #over(): void {
    this.#isOver = true;
    this.#forget();
    clearImmediate(this.#turn);
    this.#endPause();
  }

  #take(): void {
    this.#turn = undefined;
    if (!this.#isOpened) {
      this.#isOpened = true;
      this.#listener.opened();
    }
    // Pauses are of another length by now: nobody waits for the old one.
    if (this.#plan.pauseMs !== this.#pauseMs) this.#endPause();
    const received = this.#received;
    this.#received = [];
    try {
      for (const message of received) this.#answer(message);
      this.#stream();
    } catch (error) {
      this.#fail(isDrcError(error) ? error : new DrcError('INTERNAL', String(error), {}, { cause: error }));
    }
  }

  #answer(message: ClientMessage): void {
    if (this.#isOver) return;
    switch (message.type) {
      case 'hello': {
        const { topic, moves } = this.#log;
        const store = `test-store-${moves + 1}`;
        const log = this.#log.extent();
        return this.#say({
          type: 'welcome',
          version: protocolVersions[0]!,
          store,
          topic,
          log,
          describes: true,
          origins: true,
        });
      }
      case 'describe':
        return describedTables(this.#log.tables, message.tables).forEach((page) => this.#say(page));
      case 'subscribe':
        return this.#subscribe(message);
      case 'credit':
        this.#outstanding -= message.bytes;
        return undefined;
      case 'renew':
        return this.#say({ type: 'renewed', expiresAt: Date.now() + 3_600_000 });
      case 'committed':
        return undefined;
    }
  }

  #subscribe(message: Subscribe): void {
    const log = this.#log;
    const view = new ReaderView(message, (id) => log.table(id));
    const unmatched = view.checked([...log.tables.keys()]);
    const beginning = this.#beginning(message);
    const { index, executed, checkpoint } = beginning;
    this.#window = message.credit;
    this.#walk = new LogWalk({
      log,
      view,
      beginning,
      plan: this.#plan,
      acknowledged: new Set((message.acknowledgeGaps ?? []).map(canonicalTransactionId)),
    });
    this.#say({
      type: 'subscribed',
      lineage: log.lineage,
      lsn: log.lsnBefore(index) + 1,
      set: (checkpoint?.union(executed) ?? executed).toString(),
      grant: view.effective,
      principal: 'test',
      ...(checkpoint?.isSubsetOf(log.executed) === false ? { ahead: true } : {}),
      ...(unmatched.length === 0 ? {} : { unmatched }),
    });
  }

  #beginning({ from, backfill = false }: Subscribe): ReturnType<TopicLog['seek']> {
    try {
      return this.#log.seek(from);
    } catch (error) {
      if (!backfill || !isDrcError(error, 'RETENTION_EXPIRED')) throw error;
      throw new DrcError('BACKFILL_UNAVAILABLE', 'There is no source behind a slice.', {}, { cause: error });
    }
  }

  /** Sends what there is and what the credit allows. */
  #stream(): void {
    while (!this.#isOver && this.#walk !== undefined) {
      const isFull = this.#unsent.length >= maxFramePayloadBytes;
      if (!isFull && this.#end === undefined && this.#pause === undefined && this.#collect(this.#walk))
        continue;
      if (this.#unsent.length > 0) {
        if (!this.#sendFrame()) return;
      } else if (this.#end !== undefined) {
        return this.#finish(this.#end);
      } else {
        return this.#atHead();
      }
    }
  }

  /** Takes the walk's next step. @returns whether there may be a further one at once */
  #collect(walk: LogWalk): boolean {
    const step = walk.next();
    if (step.kind === 'head') return false;
    if (step.kind === 'pause') {
      this.#pauseMs = step.ms;
      this.#pause = setTimeout(() => {
        this.#endPause();
        this.wake();
      }, step.ms);
      return false;
    }
    this.#unsent = Buffer.concat([this.#unsent, step.bytes]);
    this.#isCaughtUp &&= step.bytes.length === 0;
    if (step.kind === 'end') this.#end = step;
    return step.kind === 'records';
  }

  #endPause(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  /** @returns false where the client has to take something first */
  #sendFrame(): boolean {
    const payload = this.#unsent.subarray(0, maxFramePayloadBytes);
    const bytes = frameHeaderBytes + payload.length;
    if (this.#outstanding > 0 && this.#outstanding + bytes > this.#window) return false;
    this.#unsent = this.#unsent.subarray(payload.length);
    this.#outstanding += bytes;
    this.#listener.frame(sealFrame(Buffer.concat([Buffer.alloc(frameHeaderBytes), payload]), FrameKind.data));
    return true;
  }

  #atHead(): void {
    if (this.#pause !== undefined || this.#isCaughtUp) return;
    this.#isCaughtUp = true;
    this.#say({ type: 'caughtUp', lsn: this.#log.lsnBefore(this.#log.end) });
  }

  #finish({ error }: { readonly error?: DrcError }): void {
    if (error !== undefined) return this.#fail(error);
    this.#over();
    this.#listener.ended(new DrcError('CONNECTION_LOST', 'The test hub cut the connection.'));
  }

  #fail({ code, message, details }: DrcError): void {
    if (this.#isOver) return;
    this.#say({ type: 'error', code, message, details });
    this.#over();
  }

  #say(message: StoreMessage): void {
    if (!this.#isOver) this.#listener.frame(encodeMessage(message));
  }
}
