import { DrcError } from '@drc/protocol';

/*
 * A page of a log's copy, as a store gives it to a sister store: entries of its database as they are stored, in the order in
 * which the copy can take them, and how the page ends.
 *
 *   page  = entry* end
 *   entry = keyBytes u16 | valueBytes u32 | key | value     (little-endian; keys.ts, chunk-record.ts)
 *   end   = 0 u16 | textBytes u32 | text                    `more`: another page follows; `head`: all that the log has is copied
 *
 * Each value carries a checksum that binds it to its key. A page without its end was cut off.
 */
export interface LogEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

export type PageEnd = 'more' | 'head';

const headBytes = 6;
const noKey = Buffer.alloc(0);
/** As much as a record of the stream may take. */
const maxValueBytes = 1024 * 1024 * 1024;

export const entryBytes = ({ key, value }: LogEntry): number => headBytes + key.length + value.length;

export function encodeEntries(entries: readonly LogEntry[]): Buffer {
  const pieces: Buffer[] = [];
  for (const { key, value } of entries) {
    const head = Buffer.allocUnsafe(headBytes);
    head.writeUInt16LE(key.length, 0);
    head.writeUInt32LE(value.length, 2);
    pieces.push(head, key, value);
  }
  return Buffer.concat(pieces);
}

export const encodePageEnd = (end: PageEnd): Buffer =>
  encodeEntries([{ key: noKey, value: Buffer.from(end) }]);

/** Puts a page together again. Holds at most one unfinished entry, which grows as its bytes arrive, whatever it claims. */
export class EntryReader {
  #pieces: Buffer[] = [];
  #held = 0;
  /** So many bytes make the next step. */
  #wanted = headBytes;
  #end: PageEnd | undefined;

  /** How the page ended; undefined until it has. */
  get end(): PageEnd | undefined {
    return this.#end;
  }

  /** The entries that end within these bytes. @throws DrcError `FRAME_CORRUPT` where it is no page. */
  *push(piece: Buffer): Generator<LogEntry, void, undefined> {
    this.#pieces.push(piece);
    this.#held += piece.length;
    if (this.#held < this.#wanted) return;
    const bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces);
    let at = 0;
    for (;;) {
      const length = lengthAt(bytes, at);
      this.#wanted = length ?? headBytes;
      if (length === undefined || bytes.length - at < length) break;
      if (this.#end !== undefined) throw corrupt('something stands behind its end');
      const entry = entryAt(bytes, at, length);
      at += length;
      if (entry.key.length > 0) yield entry;
      else this.#end = endOf(entry.value);
    }
    const rest = bytes.subarray(at);
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
  }
}

function lengthAt(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < headBytes) return undefined;
  const valueBytes = bytes.readUInt32LE(at + 2);
  if (valueBytes > maxValueBytes) throw corrupt(`an entry of ${valueBytes} bytes is outside the limits`);
  return headBytes + bytes.readUInt16LE(at) + valueBytes;
}

function entryAt(bytes: Buffer, at: number, length: number): LogEntry {
  const keyAt = at + headBytes;
  const valueAt = keyAt + bytes.readUInt16LE(at);
  return { key: bytes.subarray(keyAt, valueAt), value: bytes.subarray(valueAt, at + length) };
}

function endOf(value: Buffer): PageEnd {
  const text = value.toString('latin1', 0, 10);
  if (text === 'more' || text === 'head') return text;
  throw corrupt('its end is none');
}

const corrupt = (why: string): DrcError =>
  new DrcError('FRAME_CORRUPT', `A page of the sister store's log is not as it must be: ${why}.`);
