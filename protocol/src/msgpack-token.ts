/*
 * The first byte of each msgpack value, as far as DRC uses msgpack: nil, booleans, integers, floats, text, bytes, and
 * in messages arrays and maps. Not in use, and therefore of no class: extensions (0xc7-0xc9, 0xd4-0xd8), with which a
 * peer could define records or make dates, sets, errors and references, and 0xc1. Bytes from a peer are checked
 * against these tables before msgpackr sees them: it would take all of that, whatever its options.
 */

/** Classes of values; bits, so that a mask says which of them may stand somewhere. */
export const TokenClass = {
  /** Up to 32 bits, at most five bytes. */
  int: 1,
  /** Nine bytes. */
  int64: 2,
  float32: 4,
  float64: 8,
  text: 16,
  bytes: 32,
  nil: 64,
  boolean: 128,
  array: 256,
  map: 512,
} as const;
export type TokenClassCode = (typeof TokenClass)[keyof typeof TokenClass];

interface TokenRange {
  readonly from: number;
  readonly to: number;
  readonly class: number;
  /** Bytes of the whole value, or of its head where a length follows; for fixstr, what its low bits add to. */
  readonly bytes: number;
}

const one = (token: number, of: number, bytes: number): TokenRange => ({
  from: token,
  to: token,
  class: of,
  bytes,
});

const ranges: readonly TokenRange[] = [
  { from: 0x00, to: 0x7f, class: TokenClass.int, bytes: 1 },
  { from: 0x80, to: 0x8f, class: TokenClass.map, bytes: 1 },
  { from: 0x90, to: 0x9f, class: TokenClass.array, bytes: 1 },
  { from: 0xa0, to: 0xbf, class: TokenClass.text, bytes: 1 },
  one(0xc0, TokenClass.nil, 1),
  { from: 0xc2, to: 0xc3, class: TokenClass.boolean, bytes: 1 },
  one(0xc4, TokenClass.bytes, 2),
  one(0xc5, TokenClass.bytes, 3),
  one(0xc6, TokenClass.bytes, 5),
  one(0xca, TokenClass.float32, 5),
  one(0xcb, TokenClass.float64, 9),
  one(0xcc, TokenClass.int, 2),
  one(0xcd, TokenClass.int, 3),
  one(0xce, TokenClass.int, 5),
  one(0xcf, TokenClass.int64, 9),
  one(0xd0, TokenClass.int, 2),
  one(0xd1, TokenClass.int, 3),
  one(0xd2, TokenClass.int, 5),
  one(0xd3, TokenClass.int64, 9),
  one(0xd9, TokenClass.text, 2),
  one(0xda, TokenClass.text, 3),
  one(0xdb, TokenClass.text, 5),
  one(0xdc, TokenClass.array, 3),
  one(0xdd, TokenClass.array, 5),
  one(0xde, TokenClass.map, 3),
  one(0xdf, TokenClass.map, 5),
  { from: 0xe0, to: 0xff, class: TokenClass.int, bytes: 1 },
];

/** The class of the value that a token opens; 0 where it must not occur. */
export const tokenClass: Readonly<Uint16Array> = tableOf((range) => range.class);

/** Bytes that a value has up to its elements (arrays, maps), or in all; 0: a text or bytes whose length follows. */
export const tokenBytes: Readonly<Uint16Array> = tableOf((range, token) => {
  if (token >= 0xa0 && token <= 0xbf) return 1 + (token & 0x1f);
  return range.class === TokenClass.text || range.class === TokenClass.bytes ? 0 : range.bytes;
});

function tableOf(entry: (range: TokenRange, token: number) => number): Uint16Array {
  const table = new Uint16Array(256);
  for (const range of ranges)
    for (let token = range.from; token <= range.to; token++) table[token] = entry(range, token);
  return table;
}

/** Where the length or count of the value at `at` ends, which begins behind its token. */
export const countWidth = (token: number): 1 | 2 | 4 =>
  token === 0xd9 || token === 0xc4
    ? 1
    : token === 0xda || token === 0xc5 || token === 0xdc || token === 0xde
      ? 2
      : 4;

/** A big-endian count of one, two or four bytes; NaN where it lies beyond the bytes. */
export function readCount(bytes: Buffer, at: number, width: 1 | 2 | 4): number {
  if (width === 1) return bytes[at] ?? NaN;
  if (width === 2) return bytes[at]! * 0x100 + bytes[at + 1]!;
  return bytes[at]! * 0x100_0000 + bytes[at + 1]! * 0x1_0000 + bytes[at + 2]! * 0x100 + bytes[at + 3]!;
}
