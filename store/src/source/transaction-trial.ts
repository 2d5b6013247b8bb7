import { DrcError, type ErrorCode } from '@drc/protocol';
import type { SourcePosition } from '../log/transaction-log.js';
import { EventType, type BinlogEvent } from './binlog-events.js';
import type { Beginning } from './capture-beginning.js';
import { CaptureCounters } from './capture-counters.js';
import { EventParser } from './event-parser.js';
import type { GroupLog } from './group-log.js';
import { GroupScan, type ScannedGroup } from './group-scan.js';
import type { LearnedTypes } from './learned-types.js';
import { StoredPrefix } from './stored-prefix.js';
import type { TableFilter } from './table-filter.js';
import type { Flavour } from './table-schema.js';
import { TransactionAssembler } from './transaction-assembler.js';
import { TrialLog } from './trial-log.js';
import type { Zstd } from './zstd.js';

export interface TrialOptions {
  /** What the log has. */
  readonly log: Pick<GroupLog, 'capture' | 'isPrepared'>;
  readonly learned: LearnedTypes;
  readonly filter: TableFilter;
  readonly flavour: Flavour;
  /** Behind what is stored, and where the events begin, which may lie before it. */
  readonly beginning: Beginning;
  readonly zstd: () => Promise<Zstd>;
}

/** The transaction in front of which capture stands. */
export interface NextTransaction {
  /** With what capture stops at it; undefined where it would take it. */
  readonly fault: DrcError | undefined;
  readonly group: ScannedGroup;
  /** Behind it. */
  readonly position: SourcePosition;
  /** What was read to its end; the transaction itself is pending. */
  readonly counters: CaptureCounters;
}

/** What one transaction can be the cause of. Everything else is about the source, and is thrown as it is. */
const faultsOfOne: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'STATEMENT_EVENT',
  'UNSUPPORTED_EVENT',
  'UNSUPPORTED_COLUMN',
  'EVENT_MALFORMED',
  'CHECKSUM_MISMATCH',
  'XA_UNKNOWN',
  'INTERNAL',
]);

/**
 * Takes the events of one transaction twice: by capture's own parser and assembler for as long as they take them, and
 * from the outside. Nothing is written.
 */
export class TransactionTrial {
  readonly #stored: StoredPrefix;
  readonly #parser: EventParser;
  readonly #assembler: TransactionAssembler;
  readonly #log: TrialLog;
  readonly #scan = new GroupScan();
  readonly #counters = new CaptureCounters();
  readonly #zstd: () => Promise<Zstd>;
  #fault: DrcError | undefined = undefined;
  /** When the source began the file, s since 1970. */
  #begun: number | undefined;

  constructor({ log, learned, filter, flavour, beginning, zstd }: TrialOptions) {
    const { position, start } = beginning;
    this.#zstd = zstd;
    this.#begun = position.begun;
    this.#log = new TrialLog(log);
    this.#stored = new StoredPrefix(position, start);
    this.#parser = new EventParser({ flavour, file: position.file, offset: this.#stored.startOffset });
    this.#assembler = new TransactionAssembler({
      log: this.#log,
      flavour,
      filter,
      position,
      learned,
      counters: new CaptureCounters(),
      warn: () => undefined,
    });
  }

  get isInside(): boolean {
    return this.#scan.state.kind === 'inside';
  }

  get place(): SourcePosition {
    return { file: this.#parser.file, offset: this.#parser.offset };
  }

  /** Undefined while the transaction has not ended. @throws DrcError `SKIP_IMPOSSIBLE` */
  get result(): NextTransaction | undefined {
    const { state } = this.#scan;
    if (state.kind === 'endless')
      throw this.#impossible(`where the next transaction ends cannot be told: ${state.why}`);
    if (state.kind !== 'ended') return undefined;
    const { group, offset } = state;
    if (this.#fault === undefined && !this.#log.hasEnded)
      throw new DrcError('INTERNAL', `Capture takes ${group.id} and does not come to its end.`);
    return {
      fault: this.#fault,
      group,
      position: { file: this.#parser.file, offset, begun: this.#begun },
      counters: this.#counters,
    };
  }

  /**
   * Takes the next event.
   * @returns it, where it is new and could be read
   * @throws DrcError `SKIP_IMPOSSIBLE`; what capture meets that is not this transaction's doing
   */
  async push(bytes: Buffer): Promise<BinlogEvent | undefined> {
    let event: BinlogEvent | undefined;
    try {
      event = this.#stored.hasPassed
        ? this.#parser.parse(bytes)
        : this.#stored.next(this.#parser, bytes, 0, bytes.length);
    } catch (error) {
      this.#note(error);
      this.#counters.store(bytes[4]!, bytes.length);
      this.#scan.unreadable(bytes[4]!, bytes.length, this.#fault?.code === 'CHECKSUM_MISMATCH');
      return undefined;
    }
    if (event === undefined) {
      this.#counters.leaveOut(bytes[4]!, bytes.length, 'already-stored');
      return undefined;
    }
    if (event.kind === 'rotate') this.#begun = undefined;
    if (event.kind === 'left-out' && event.type === EventType.FORMAT_DESCRIPTION)
      this.#begun = event.timestamp;
    await this.#take(event, bytes.length);
    if (event.kind === 'payload') await this.#unpack(event);
    return event;
  }

  async #unpack(payload: BinlogEvent & { kind: 'payload' }): Promise<void> {
    try {
      for (const batch of this.#parser.unpack(await this.#zstd(), payload))
        for (let at = 0; at < batch.length; at++)
          await this.#unpacked(batch.buffer(at), batch.start(at), batch.end(at));
    } catch (error) {
      this.#note(error);
      this.#scan.payloadUnreadable(payload.offset);
    }
  }

  async #unpacked(buffer: Buffer, start: number, end: number): Promise<void> {
    let event: BinlogEvent;
    try {
      event = this.#parser.parseUnpacked(buffer, start, end);
    } catch (error) {
      this.#note(error);
      this.#counters.store(buffer[start + 4]!, 0);
      return this.#scan.unreadable(buffer[start + 4]!, 0, false);
    }
    await this.#take(event, 0);
  }

  async #take(event: BinlogEvent, bytes: number): Promise<void> {
    this.#count(event, bytes);
    if (this.#fault === undefined) {
      try {
        await this.#assembler.push(event, bytes);
      } catch (error) {
        this.#scan.push(event, bytes, this.#parser.file);
        return this.#note(error);
      }
    }
    this.#scan.push(event, bytes, this.#parser.file);
  }

  /** Rows are not looked into. */
  #count(event: BinlogEvent, bytes: number): void {
    const { kind, type } = event;
    if (kind === 'left-out') return this.#counters.leaveOut(type, bytes, event.reason);
    if (kind === 'rotate' || kind === 'heartbeat')
      return this.#counters.leaveOut(type, bytes, 'describes-stream');
    this.#counters.store(type, bytes);
  }

  /** The first fault is the one with which capture stops. */
  #note(error: unknown): void {
    if (this.#fault !== undefined) return;
    const fault =
      error instanceof DrcError
        ? error
        : new DrcError('INTERNAL', `Capture failed: ${String(error)}`, {}, { cause: error });
    if (fault.code === 'GTID_OUT_OF_ORDER')
      throw this.#impossible(
        `${fault.message} Under this id readers would take it for one that they have`,
        fault,
      );
    if (!faultsOfOne.has(fault.code)) throw fault;
    if (this.#scan.state.kind === 'before')
      throw this.#impossible(`${fault.message} It stands outside a transaction`, fault);
    this.#fault = fault;
  }

  #impossible(why: string, cause = this.#fault): DrcError {
    return new DrcError('SKIP_IMPOSSIBLE', `${why[0]!.toUpperCase()}${why.slice(1)}.`, cause?.details, {
      cause,
    });
  }
}
