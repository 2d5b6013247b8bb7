/*
 * mysql2 3.24.6 keeps the packets of 16 MiB in which a larger event comes, and joins them when the last is there: the event
 * lies in memory twice. Here each packet is put where it belongs when it comes. A test fails when these parts of mysql2 move.
 */
interface LargePacketParser {
  largePacketParts: { length: number; push(piece: Buffer): unknown };
  _flushLargePacket: () => void;
  readonly firstPacketSequenceId: number;
  readonly onPacket: (packet: object) => void;
  readonly _reusablePacket: { readonly constructor: unknown };
}

type PacketClass = new (
  sequenceId: number,
  bytes: Buffer,
  start: number,
  end: number,
) => { numPackets: number };

/** mysql2 leaves room for a packet's head in front. */
const headBytes = 4;
/** In the first packet: the byte of status, then the event's head (time, type, server, size). */
const sizeAt = 1 + 4 + 1 + 4;
/** A size beyond it is not believed: no server sends such a packet. */
const largestSize = 2 * 1024 ** 3;

/** Makes a connection's parser put large packets together as they come. */
export function joinLargePackets(parser: object): void {
  const own = parser as LargePacketParser;
  const pieces = new Pieces();
  own.largePacketParts = pieces;
  own._flushLargePacket = () => {
    const packets = pieces.length;
    const bytes = pieces.take();
    const Packet = own._reusablePacket.constructor as PacketClass;
    const packet = new Packet(own.firstPacketSequenceId, bytes, 0, bytes.length);
    packet.numPackets = packets;
    own.onPacket(packet);
  };
}

/** The pieces of one packet. Law: what `take` gives is a head of four bytes and all pieces in their order. */
class Pieces {
  length = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #filled = 0;

  push(piece: Buffer): void {
    if (this.length === 0) {
      const isEvent = piece[0] === 0 && piece.length >= sizeAt + 4;
      const size = isEvent ? 1 + piece.readUInt32LE(sizeAt) : 0;
      this.#bytes = Buffer.allocUnsafe(
        headBytes + (size <= largestSize ? Math.max(size, piece.length) : piece.length),
      );
      this.#filled = headBytes;
    }
    // Not an event, or one that says it is smaller than it is.
    if (this.#filled + piece.length > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes.subarray(0, this.#filled), piece]);
    else piece.copy(this.#bytes, this.#filled);
    this.#filled += piece.length;
    this.length += 1;
  }

  take(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#filled);
    bytes.fill(0, 0, headBytes);
    this.#bytes = Buffer.alloc(0);
    this.length = 0;
    return bytes;
  }
}
