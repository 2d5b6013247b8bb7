import {
  PartFlag,
  PartKind,
  encodeDdl,
  schemaIdOf,
  type Ddl,
  type PartKindCode,
  type TableVersion,
} from '@drc/protocol';

/** `shop.orders (id BIGINT UNSIGNED PRIMARY KEY, status TINYINT, note VARCHAR(255))`, spelled as the store does. */
export const orders: TableVersion = {
  schema: 'shop',
  table: 'orders',
  columns: [
    { name: 'id', type: 'bigint', nullable: false, unsigned: true },
    { name: 'status', type: 'int', nullable: false, unsigned: false, length: 1 },
    { name: 'note', type: 'text', nullable: true, length: 1020, collation: 45 },
  ],
  primaryKey: [0],
};

export interface Order {
  readonly id: bigint;
  readonly status: number;
  readonly note: string | null;
}

const bigint = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xcf;
  bytes.writeBigUInt64BE(value, 1);
  return bytes;
};
/** Integers 0 … 127. */
const int = (value: number): Buffer => (value < 64 ? Buffer.of(value) : Buffer.of(0xcc, value));
const text = (value: string | null): Buffer => {
  if (value === null) return Buffer.of(0xc0);
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.length < 32) return Buffer.concat([Buffer.of(0xa0 | bytes.length), bytes]);
  const head = Buffer.alloc(5);
  head[0] = 0xdb;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};

/** A row image; without `columns` all of them are in it. */
export const image = (order: Order, columns: readonly (keyof Order)[] = ['id', 'status', 'note']): Buffer =>
  Buffer.concat([
    Buffer.of(0x40),
    ...(columns.includes('id') ? [bigint(order.id)] : []),
    ...(columns.includes('status') ? [int(order.status)] : []),
    ...(columns.includes('note') ? [text(order.note)] : []),
  ]);

const part = (kind: PartKindCode, flags: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(6);
  head[0] = kind;
  head[1] = flags;
  head.writeUInt32LE(body.length, 2);
  return Buffer.concat([head, body]);
};

/** A part of `shop.orders`. `rows` counts rows, `images` are all images in order. */
export function rowsPart(
  kind: Exclude<PartKindCode, 4>,
  rows: number,
  images: readonly Buffer[],
  options: { flags?: number; bitmaps?: readonly Buffer[] } = {},
): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(rows);
  const flags = (options.flags ?? 0) | (options.bitmaps === undefined ? 0 : PartFlag.partial);
  return part(kind, flags, Buffer.concat([schemaIdOf(orders), count, ...(options.bitmaps ?? []), ...images]));
}

export const insertPart = (rows: readonly Order[]): Buffer =>
  rowsPart(
    PartKind.insert,
    rows.length,
    rows.map((row) => image(row)),
  );

export const ddlPart = (ddl: Ddl): Buffer => part(PartKind.ddl, 0, encodeDdl(ddl));

export const order = (id: number | bigint, note: string | null = `note ${id}`): Order => ({
  id: BigInt(id),
  status: Number(BigInt(id) % 128n),
  note,
});
