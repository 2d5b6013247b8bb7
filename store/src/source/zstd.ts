import { DrcError } from '@drc/protocol';
import { ZSTDDecoder } from 'zstddec/stream';
import { malformedEvent } from './event-bytes.js';

/** A decompressor, of which any number of streams can be under way. */
export interface Zstd {
  decodeStreaming(slices: Iterable<Uint8Array>): Iterable<Uint8Array>;
}

/** zlib has no zstd before Node 22.15: the original, compiled to WebAssembly, inside the package. Load it once. */
export async function loadZstd(): Promise<Zstd> {
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return decoder;
}

/** So small that a stream which is left at any point has little to run on with: see `leave`. */
const sliceBytes = 8 * 1024;

/**
 * Unpacks in pieces of up to 128 KiB, each made when it is asked for. The pieces are the caller's.
 *
 * The library's stream frees its memory (window and buffers) only when it runs to its end, and a fault in the data
 * makes it give empty pieces for ever. So: leaving early lets it run on, over no further input; and since a step that
 * neither takes nor gives a byte is a fault, more empty pieces in a row than the slice has bytes are one. Only then its
 * memory is lost, once for each damaged event, at which capture stops.
 *
 * @throws DrcError `EVENT_MALFORMED`.
 */
export function* unpackedPieces(zstd: Zstd, packed: Buffer): Generator<Buffer, void, undefined> {
  let left = false;
  let emptyPieces = 0;
  function* slices(): Generator<Buffer, void, undefined> {
    for (let at = 0; at < packed.length && !left; at += sliceBytes) {
      emptyPieces = 0;
      yield packed.subarray(at, at + sliceBytes);
    }
  }
  const stream = zstd.decodeStreaming(slices())[Symbol.iterator]();
  let isOver = false;
  /** The next piece that is not empty; undefined at the end. */
  const next = (): Uint8Array | undefined => {
    try {
      for (let result = stream.next(); result.done !== true; result = stream.next()) {
        if (result.value.length > 0) {
          emptyPieces = 0;
          return result.value;
        }
        if (++emptyPieces > sliceBytes) throw malformedEvent('compressed transaction whose data are damaged');
      }
    } catch (cause) {
      isOver = true;
      throw cause instanceof DrcError
        ? cause
        : malformedEvent('compressed transaction whose data do not unpack', { cause });
    }
    isOver = true;
    return undefined;
  };
  try {
    for (let piece = next(); piece !== undefined; piece = next())
      yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
  } finally {
    left = true;
    if (!isOver) leave(next);
  }
}

/** Lets the stream come to its end, where it frees its memory; that it ends too early is what is wanted. */
function leave(next: () => Uint8Array | undefined): void {
  try {
    while (next() !== undefined);
  } catch (error) {
    if (!(error instanceof DrcError)) throw error;
  }
}
