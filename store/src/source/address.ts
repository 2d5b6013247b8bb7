import type { ByteWriter } from './byte-writer.js';
import { writeNumber, writeTextHeader } from './message-bytes.js';
import type { ValueWriter } from './value-writer.js';

/*
 * MariaDB's UUID, INET4 and INET6 travel as BINARY, whose trailing zero bytes are cut off, and are written as the
 * server prints them. The bytes stand in the order of the text, whatever the order on disk.
 */
const maxTextBytes = 48;
const dash = 45;
const dot = 46;

/** The type's full width, with zeros for what was cut off. */
function padded(bytes: Buffer, from: number, end: number, width: number): Buffer {
  const full = Buffer.alloc(width);
  bytes.copy(full, 0, from, end);
  return full;
}

const hexDigit = (value: number): number => (value < 10 ? 48 + value : 87 + value);

/** Writes text of less than 32 bytes, or of a UUID's 36. */
function writeShort(
  out: ByteWriter,
  write: (buffer: Buffer, at: number) => number,
  headerBytes: 1 | 2,
): void {
  out.ensure(maxTextBytes);
  const start = out.length + headerBytes;
  const end = write(out.buffer, start);
  writeTextHeader(out.buffer, out.length, end - start);
  out.length = end;
}

export const uuidWriter: ValueWriter = {
  write(bytes, from, end, out) {
    const uuid = padded(bytes, from, end, 16);
    writeShort(
      out,
      (buffer, start) => {
        let at = start;
        for (let index = 0; index < 16; index++) {
          if (index === 4 || index === 6 || index === 8 || index === 10) buffer[at++] = dash;
          buffer[at++] = hexDigit(uuid[index]! >> 4);
          buffer[at++] = hexDigit(uuid[index]! & 15);
        }
        return at;
      },
      2,
    );
  },
};

function writeQuad(address: Buffer, from: number, buffer: Buffer, start: number): number {
  let at = start;
  for (let index = 0; index < 4; index++) {
    if (index > 0) buffer[at++] = dot;
    at = writeNumber(buffer, at, address[from + index]!);
  }
  return at;
}

export const inet4Writer: ValueWriter = {
  write(bytes, from, end, out) {
    const address = padded(bytes, from, end, 4);
    writeShort(out, (buffer, at) => writeQuad(address, 0, buffer, at), 1);
  },
};

export const inet6Writer: ValueWriter = {
  write(bytes, from, end, out) {
    const text = inet6Text(padded(bytes, from, end, 16));
    out.ensure(maxTextBytes);
    const at = writeTextHeader(out.buffer, out.length, text.length);
    out.length = at + out.buffer.write(text, at, 'latin1');
  },
};

/**
 * As MariaDB prints it: `::` for the first longest run of zero words, even of one; the last four bytes as a dotted
 * quad where the address is IPv4-compatible or IPv4-mapped.
 */
function inet6Text(address: Buffer): string {
  const words = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(index * 2));
  const gap = longestZeroRun(words);
  const isQuad = gap.at === 0 && (gap.length === 6 || (gap.length === 5 && words[5] === 0xffff));
  const shown = (from: number, to: number): string =>
    isQuad && to === 8
      ? [...words.slice(from, 6).map(hex), [...address.subarray(12)].join('.')].join(':')
      : words.slice(from, to).map(hex).join(':');
  if (gap.length === 0) return shown(0, 8);
  return `${shown(0, gap.at)}::${shown(gap.at + gap.length, 8)}`;
}

const hex = (word: number): string => word.toString(16);

function longestZeroRun(words: readonly number[]): { at: number; length: number } {
  let best = { at: 0, length: 0 };
  let length = 0;
  words.forEach((word, index) => {
    length = word === 0 ? length + 1 : 0;
    if (length > best.length) best = { at: index - length + 1, length };
  });
  return best;
}
