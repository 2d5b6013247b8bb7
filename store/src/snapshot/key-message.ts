import { writeBytesHeader, writeTextHeader } from '../source/message-bytes.js';

/*
 * Where a copy has come to: msgpack, an array of texts and bytes. It is kept in checkpoints, and comes back from outside.
 *
 *   key   = 0xdc, count u16 | value*
 *   value = text (fixstr, str8, str16, str32) | bytes (bin8, bin16, bin32)        all integers big-endian
 */
export type KeyValue = string | Buffer;

export function encodeKey(values: readonly KeyValue[]): Buffer {
  const head = Buffer.from([0xdc, values.length >> 8, values.length & 0xff]);
  return Buffer.concat([head, ...values.flatMap(encoded)]);
}

function encoded(value: KeyValue): Buffer[] {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  const head = Buffer.alloc(5);
  const at =
    typeof value === 'string'
      ? writeTextHeader(head, 0, bytes.length)
      : writeBytesHeader(head, 0, bytes.length);
  return [head.subarray(0, at), bytes];
}

/** Undefined where the bytes are not such a message. */
export function decodeKey(bytes: Buffer): readonly KeyValue[] | undefined {
  if (bytes.length < 3 || bytes[0] !== 0xdc) return undefined;
  const count = bytes.readUInt16BE(1);
  const values: KeyValue[] = [];
  let at = 3;
  while (values.length < count) {
    const head = headAt(bytes, at);
    if (head === undefined || head.end > bytes.length) return undefined;
    const value = bytes.subarray(head.from, head.end);
    values.push(head.isText ? value.toString('utf8') : value);
    at = head.end;
  }
  return at === bytes.length ? values : undefined;
}

interface Head {
  readonly isText: boolean;
  readonly from: number;
  readonly end: number;
}

/** Bytes of the length by token. */
const lengthBytes: Readonly<Record<number, 1 | 2 | 4>> = {
  0xc4: 1,
  0xc5: 2,
  0xc6: 4,
  0xd9: 1,
  0xda: 2,
  0xdb: 4,
};

function headAt(bytes: Buffer, at: number): Head | undefined {
  const token = bytes[at] ?? 0;
  if (token >= 0xa0 && token <= 0xbf) return { isText: true, from: at + 1, end: at + 1 + (token & 31) };
  const width = lengthBytes[token];
  if (width === undefined || at + 1 + width > bytes.length) return undefined;
  const from = at + 1 + width;
  return { isText: token >= 0xd9, from, end: from + bytes.readUIntBE(at + 1, width) };
}
