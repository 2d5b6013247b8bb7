import { isDrcError } from '@drc/protocol';
import type { SourcePosition } from '../log/transaction-log.js';
import { EventType, type BinlogEvent } from './binlog-events.js';
import type { EventParser } from './event-parser.js';
import type { DumpStart } from './replica-connection.js';

/** Without these nothing behind them can be read. */
const ofStream: ReadonlySet<number> = new Set([EventType.ROTATE, EventType.FORMAT_DESCRIPTION]);

/**
 * What comes of a file again, since reading could not begin behind it: all that ends at the position or in front of it.
 * Whoever reads from a beginning asks here first, or it takes the file's first transaction for the next one.
 */
export class StoredPrefix {
  /** Where reading begins. */
  readonly startOffset: number;
  readonly #file: string;
  /** 0 once it has passed. */
  #upTo: number;
  /** First byte behind the last event that came. */
  #at: number;

  constructor(position: SourcePosition, start: DumpStart) {
    const isBefore = 'file' in start && start.position < position.offset;
    this.startOffset = 'file' in start ? start.position : position.offset;
    this.#upTo = isBefore ? position.offset : 0;
    this.#file = position.file;
    this.#at = this.startOffset;
  }

  /** All that comes from now on is new. */
  get hasPassed(): boolean {
    return this.#upTo === 0;
  }

  /**
   * The next event, which lies in [start, end) of the bytes, while the prefix has not passed.
   * @returns undefined where it is of the prefix; also where it cannot be read: `drc store skip` left its transaction out
   * @throws DrcError as `EventParser.parse`
   */
  next(parser: EventParser, bytes: Buffer, start: number, end: number): BinlogEvent | undefined {
    let event: BinlogEvent;
    try {
      event = parser.parse(bytes, start, end);
    } catch (error) {
      const behind = this.#at + (end - start);
      if (!isDrcError(error) || behind > this.#upTo || ofStream.has(bytes[start + 4]!)) throw error;
      this.#at = behind;
      return undefined;
    }
    const { kind, offset, type } = event;
    if (kind === 'heartbeat') return event;
    this.#at = offset;
    if (kind === 'rotate') {
      if (event.file !== this.#file) this.#upTo = 0;
      return event;
    }
    if (type === EventType.FORMAT_DESCRIPTION) return event;
    if (offset <= this.#upTo) return undefined;
    this.#upTo = 0;
    return event;
  }
}
