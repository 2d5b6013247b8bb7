import { DrcError } from '@drc/protocol';
import { EventFlag, EventType, eventHeaderBytes } from './binlog-events.js';
import type { BinlogPlace } from './binlog-place.js';
import { dataViewOf } from './event-bytes.js';
import { checksumFits } from './event-checksum.js';
import type { SeenTableMap } from './seen-table-map.js';

const checksumBytes = 4;

/** No binlog file name is longer than the file system allows. */
export const binlogFilePattern = /^[^/\0]{1,512}\.\d{1,10}$/;

/** FORMAT_DESCRIPTION: binlog version u16 | server version, 50 bytes padded with zeros | … */
export function writerVersion(event: Buffer): string {
  const at = eventHeaderBytes + 2;
  return event.toString('latin1', at, at + 50).replace(/\0.*$/s, '');
}

/** What the FORMAT_DESCRIPTION event of each file says of those that follow: whether they end in a CRC-32, which is checked. */
export class StreamFormat {
  readonly #place: BinlogPlace;
  #hasCrc = false;
  #isDescribed = false;

  constructor(place: BinlogPlace) {
    this.#place = place;
  }

  /** How many bytes behind the body of the next event are its CRC. */
  get crcBytes(): number {
    return this.#hasCrc ? checksumBytes : 0;
  }

  /**
   * The end of the body of the event in [start, end), whose CRC is right.
   * @param seen the table map that this one repeats
   * @throws DrcError `CHECKSUM_MISMATCH`, `EVENT_MALFORMED`, `UNSUPPORTED_EVENT`
   */
  checkedEnd(
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
    type: number,
    seen: SeenTableMap | undefined,
  ): number {
    if (type === EventType.FORMAT_DESCRIPTION) return start + this.#describe(bytes.subarray(start, end));
    const artificialRotate =
      type === EventType.ROTATE && (view.getUint16(start + 17, true) & EventFlag.artificial) !== 0;
    if (artificialRotate) return start + this.#rotateEnd(bytes.subarray(start, end));
    if (!this.#hasCrc) {
      if (!this.#isDescribed) throw this.#place.malformed('it comes before a FORMAT_DESCRIPTION event', type);
      return end;
    }
    const fits = seen === undefined ? checksumFits(view, start, end) : seen.checksumFits(view, start, end);
    if (!fits) throw this.#place.mismatch(type);
    return end - checksumBytes;
  }

  /**
   * The rotate event that the dump thread makes: the first of all comes before anything says whether events carry a
   * CRC, and a later one may follow the rule of either file. A CRC that is right is one; where none is, the name must
   * be a file name.
   */
  #rotateEnd(event: Buffer): number {
    if (
      event.length > eventHeaderBytes + 8 + checksumBytes &&
      checksumFits(dataViewOf(event), 0, event.length)
    )
      return event.length - checksumBytes;
    if (this.#hasCrc || !binlogFilePattern.test(event.toString('utf8', eventHeaderBytes + 8)))
      throw this.#place.mismatch(EventType.ROTATE);
    return event.length;
  }

  /** FORMAT_DESCRIPTION: … | checksum algorithm u8 | crc32 u32 (there in any case). */
  #describe(event: Buffer): number {
    const type = EventType.FORMAT_DESCRIPTION;
    const end = event.length - checksumBytes;
    const algorithmAt = end - 1;
    if (algorithmAt < eventHeaderBytes + 57) throw this.#place.malformed('it is too short', type);
    const version = event.readUInt16LE(eventHeaderBytes);
    const headerBytes = event[eventHeaderBytes + 56];
    if (version !== 4 || headerBytes !== eventHeaderBytes)
      throw this.#place.located(
        new DrcError('UNSUPPORTED_EVENT', `The binlog has version ${version}; only version 4 is read.`),
        type,
      );
    const algorithm = event[algorithmAt]!;
    if (algorithm > 1)
      throw this.#place.located(
        new DrcError('UNSUPPORTED_EVENT', `The binlog uses the unknown checksum algorithm ${algorithm}.`),
        type,
      );
    if (algorithm === 1 && !checksumFits(dataViewOf(event), 0, event.length))
      throw this.#place.mismatch(type);
    this.#hasCrc = algorithm === 1;
    this.#isDescribed = true;
    return algorithmAt;
  }
}
