/*
 * zstd frames without compression proper (RFC 8878), so that tests need no compressor:
 *
 *   frame = magic | 0x00 (window given, no size, no checksum) | window u8 | block *
 *   block = u24: last? | kind << 1 | size << 3, then: kind 0: the bytes; kind 1: one byte that stands `size` times
 */

export type Block = Buffer | { readonly byte: number; readonly times: number };

const magic = [0x28, 0xb5, 0x2f, 0xfd];
/** A block holds no more. */
export const maxBlockBytes = 128 * 1024;

/** @param windowLog of the window's size, 17 … 31. Default 17: 128 KiB. */
export function zstdFrame(blocks: readonly Block[], windowLog = 17): Buffer {
  const parts: Buffer[] = [Buffer.from([...magic, 0x00, (windowLog - 10) << 3])];
  blocks.forEach((block, index) => {
    const isRaw = Buffer.isBuffer(block);
    const header = Buffer.alloc(3);
    const size = isRaw ? block.length : block.times;
    header.writeUIntLE((index === blocks.length - 1 ? 1 : 0) | (isRaw ? 0 : 2) | (size << 3), 0, 3);
    parts.push(header, isRaw ? block : Buffer.from([block.byte]));
  });
  return Buffer.concat(parts);
}

/** The bytes in blocks of this size. */
export function inBlocks(bytes: Buffer, size = maxBlockBytes): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) blocks.push(bytes.subarray(at, at + size));
  return blocks.length === 0 ? [bytes] : blocks;
}
