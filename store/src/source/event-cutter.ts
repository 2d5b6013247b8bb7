import { EventType, eventHeaderBytes, eventTypeName } from './binlog-events.js';
import { malformedEvent } from './event-bytes.js';
import { RawEvents } from './raw-events.js';

/** The servers write none that is larger. */
const maxEventBytes = 1024 * 1024 * 1024;

/** What begins a group or stands between groups cannot stand within one. By the code in the header. */
const standsOutside: ReadonlySet<number> = new Set([
  EventType.STOP,
  EventType.ROTATE,
  EventType.FORMAT_DESCRIPTION,
  EventType.HEARTBEAT,
  EventType.HEARTBEAT_V2,
  EventType.GTID,
  EventType.ANONYMOUS_GTID,
  EventType.GTID_TAGGED,
  EventType.PREVIOUS_GTIDS,
  EventType.TRANSACTION_PAYLOAD,
]);

/** Cuts the bytes of a group, which come in pieces, into events. What it holds is no more than one unfinished event. */
export class EventCutter {
  readonly #total: number;
  /** Bytes cut so far, those of the unfinished event included. */
  #cut = 0;
  /** The unfinished event: its header only, until that is complete. */
  #unfinished: Buffer = Buffer.alloc(0);
  #filled = 0;

  /** @param total bytes of all events */
  constructor(total: number) {
    this.#total = total;
  }

  /**
   * The events that are complete with this piece. Those that lie within the piece are not copied: it must not change.
   * @throws DrcError `EVENT_MALFORMED`.
   */
  cut(piece: Buffer): RawEvents {
    const events = new RawEvents();
    if (piece.length > this.#total - this.#cut)
      throw malformedEvent('compressed transaction that holds more than it says');
    let at = this.#filled > 0 ? this.#fill(piece, events) : 0;
    while (piece.length - at >= eventHeaderBytes) {
      const end = at + this.#size(piece, at, this.#total - this.#cut - at);
      if (end > piece.length) break;
      events.push(piece, at, end);
      at = end;
    }
    if (at < piece.length) this.#begin(piece, at);
    this.#cut += piece.length;
    return events;
  }

  /** All pieces are there. @throws DrcError `EVENT_MALFORMED` unless the last event is complete, and there is one. */
  finish(): void {
    if (this.#cut < this.#total) throw malformedEvent('compressed transaction that holds less than it says');
    if (this.#filled > 0) throw malformedEvent('compressed transaction whose last event is not complete');
    if (this.#total === 0) throw malformedEvent('compressed transaction that holds nothing');
  }

  /** @param left bytes of the group from the event's first byte on */
  #size(bytes: Buffer, at: number, left: number): number {
    const size = bytes.readUInt32LE(at + 9);
    if (size < eventHeaderBytes || size > maxEventBytes || size > left)
      throw malformedEvent('event of a wrong size in a compressed transaction');
    const type = bytes[at + 4]!;
    if (standsOutside.has(type))
      throw malformedEvent(`${eventTypeName(type)} event in a compressed transaction`);
    return size;
  }

  #begin(piece: Buffer, at: number): void {
    const have = piece.length - at;
    this.#unfinished = Buffer.allocUnsafe(
      have < eventHeaderBytes ? eventHeaderBytes : this.#size(piece, at, this.#total - this.#cut - at),
    );
    piece.copy(this.#unfinished, 0, at);
    this.#filled = have;
  }

  /** @returns the offset in the piece behind the event that was unfinished */
  #fill(piece: Buffer, events: RawEvents): number {
    let at = this.#copy(piece, 0);
    if (this.#filled === eventHeaderBytes && this.#unfinished.length === eventHeaderBytes) {
      const header = this.#unfinished;
      const size = this.#size(header, 0, this.#total - this.#cut - at + eventHeaderBytes);
      this.#unfinished = Buffer.allocUnsafe(size);
      header.copy(this.#unfinished);
      at = this.#copy(piece, at);
    }
    if (this.#filled === this.#unfinished.length) {
      events.push(this.#unfinished, 0, this.#filled);
      this.#unfinished = Buffer.alloc(0);
      this.#filled = 0;
    }
    return at;
  }

  #copy(piece: Buffer, at: number): number {
    const copied = piece.copy(this.#unfinished, this.#filled, at);
    this.#filled += copied;
    return at + copied;
  }
}
