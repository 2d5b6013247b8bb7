import { DrcError } from '@drc/protocol';
import { EventFlag, EventType, eventTypeName } from './binlog-events.js';

const wrap = 0x1_0000_0000;

/**
 * What stands at the beginning of a file. A start by GTID beyond 4 GiB makes the source send it again; the next event
 * tells the place.
 */
const ofFileBegin: ReadonlySet<number> = new Set([
  EventType.FORMAT_DESCRIPTION,
  EventType.START_ENCRYPTION,
  EventType.PREVIOUS_GTIDS,
  EventType.GTID_LIST,
  EventType.BINLOG_CHECKPOINT,
]);

/**
 * Where the stream of events stands: a file, and the 64-bit offset behind its last event. Headers have 32 bits of it, and
 * not every event of a file is sent.
 */
export class BinlogPlace {
  readonly #startFile: string;
  readonly #startOffset: number;
  #isAtStart = true;
  #file: string;
  #offset: number;

  constructor(file: string, offset: number) {
    this.#startFile = file;
    this.#startOffset = offset;
    this.#file = file;
    this.#offset = offset;
  }

  get file(): string {
    return this.#file;
  }

  /** First byte behind the last event. */
  get offset(): number {
    return this.#offset;
  }

  /** Behind the next event, whose header stands at `start`. @throws DrcError `EVENT_MALFORMED`. */
  advance(view: DataView, start: number, size: number, type: number): void {
    const describes = type === EventType.FORMAT_DESCRIPTION;
    if (describes) this.#isAtStart = false;
    if ((view.getUint16(start + 17, true) & EventFlag.artificial) !== 0) return;
    if (type === EventType.HEARTBEAT || type === EventType.HEARTBEAT_V2) return;
    if (this.#offset >= wrap && ofFileBegin.has(type)) return;
    const endPosition = view.getUint32(start + 13, true);
    const least = this.#offset + size;
    if (endPosition === 0) {
      // The description of a file is sent also where reading begins in the middle, and then without a position.
      if (!describes && type !== EventType.START_ENCRYPTION) this.#offset = least;
      return;
    }
    // Events that are not sent (annotations) leave gaps: the smallest offset that the 32 bits allow.
    let offset = Math.floor(this.#offset / wrap) * wrap + endPosition;
    if (offset < least) {
      // What begins at the start of a file says itself where it stands.
      if (describes) offset = Math.max(offset, this.#offset);
      else offset += wrap;
    }
    // Two thousand million bytes are never left out in one place: the position went back.
    if (offset - least > wrap / 2) throw this.malformed('its position lies before the last one', type);
    this.#offset = offset;
  }

  /** Where the last call of `advance` began: its event was not one. */
  returnTo(offset: number): void {
    this.#offset = offset;
  }

  /** The source goes on in another file. */
  rotate(file: string, position: number): void {
    this.#file = file;
    // A start by GTID names the beginning of the file; what is sent lies behind what is stored.
    const isStart = this.#isAtStart && file === this.#startFile;
    this.#offset = isStart ? Math.max(position, this.#startOffset) : position;
  }

  malformed(why: string, type?: number, cause?: unknown): DrcError {
    const what = type === undefined ? 'An event' : `A ${eventTypeName(type)} event`;
    return this.located(
      new DrcError('EVENT_MALFORMED', `${what} cannot be read: ${why}.`, {}, { cause }),
      type,
    );
  }

  mismatch(type: number): DrcError {
    return this.located(
      new DrcError('CHECKSUM_MISMATCH', `A ${eventTypeName(type)} event does not match its checksum.`),
      type,
    );
  }

  /** The same error with this place, where it is about an event and has none. */
  errorOf(error: unknown, type: number): unknown {
    // Reading beyond the end of a buffer means that a length inside the event is wrong.
    if (error instanceof RangeError) return this.malformed('a length inside it is wrong', type, error);
    return error instanceof DrcError && error.details['file'] === undefined
      ? this.located(error, type)
      : error;
  }

  located(error: DrcError, type: number | undefined): DrcError {
    return new DrcError(
      error.code,
      `${error.message} It stands behind ${this.#file}:${this.#offset}.`,
      {
        ...error.details,
        file: this.#file,
        offset: this.#offset,
        ...(type === undefined ? {} : { event: eventTypeName(type) }),
      },
      { cause: error.cause },
    );
  }
}
