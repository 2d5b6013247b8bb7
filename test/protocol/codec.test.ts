import {
  type ClientMessage,
  type Ddl,
  decodeClientMessage,
  decodeDdl,
  decodeGap,
  decodeProgress,
  decodeStoreMessage,
  encodeDdl,
  encodeGap,
  encodeMessage,
  encodeProgress,
  FrameKind,
  type Gap,
  openFrame,
  type Progress,
  type StoreMessage,
} from '@drc/protocol';
import { Packr, pack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { notRefused, refusal } from './support/refusal.js';

const violation = refusal('PROTOCOL_VIOLATION');
const packr = new Packr({ useRecords: false, variableMapSize: true });
const payloadOf = (message: ClientMessage | StoreMessage): Buffer => {
  const { kind, payload } = openFrame(encodeMessage(message));
  expect(kind).toBe(FrameKind.control);
  return payload;
};

const extent = {
  lineage: 'ab',
  head: { lsn: Number.MAX_SAFE_INTEGER, time: 1_795_334_400_123 },
  oldest: { lsn: 1, time: 0 },
  coversFrom: 0,
  setBeforeOldest: '0-1-5',
};

/** At least one of each type and variant: a type that is forgotten here does not compile. */
const clientMessages: { readonly [T in ClientMessage['type']]: readonly (ClientMessage & { type: T })[] } = {
  hello: [{ type: 'hello', versions: [1], client: 'größe 1.0', topic: 'shop' }],
  subscribe: [
    { type: 'subscribe', from: { kind: 'earliest' }, tables: [], operations: [], credit: 0 },
    {
      type: 'subscribe',
      from: { kind: 'latest' },
      tables: ['shop.*'],
      operations: ['insert', 'update', 'delete'],
      credit: 4_194_304,
    },
    { type: 'subscribe', from: { kind: 'timestamp', time: 2 ** 41 }, tables: [], operations: [], credit: 1 },
    { type: 'subscribe', from: { kind: 'transaction', id: '0-1-7' }, tables: [], operations: [], credit: 1 },
    {
      type: 'subscribe',
      from: { kind: 'checkpoint', checkpoint: 'x' },
      tables: [],
      operations: [],
      credit: 1,
    },
    {
      type: 'subscribe',
      from: { kind: 'latest' },
      tables: [],
      operations: [],
      credit: 1,
      acknowledgeGaps: ['0-1-77', 'b2c5a7f0-0000-11ee-8000-000000000001:5'],
    },
    {
      type: 'subscribe',
      from: { kind: 'earliest' },
      tables: [],
      operations: [],
      credit: 1,
      name: 'billing-2.eu_1',
      backfill: true,
      rules: [{ tables: ['shop.orders'], where: 'total > 1', columns: ['id', 'total'] }],
      partition: { of: 1024, index: 1023 },
      origins: { exclude: ['', 'site_2'] },
    },
  ],
  describe: [
    { type: 'describe', tables: [] },
    { type: 'describe', tables: ['shop.*', 'crm.people'] },
  ],
  credit: [{ type: 'credit', bytes: 65_536 }],
  committed: [{ type: 'committed', lsn: 2 ** 40 }],
  renew: [{ type: 'renew', ticket: 'a.b.c' }],
};
const storeMessages: { readonly [T in StoreMessage['type']]: readonly (StoreMessage & { type: T })[] } = {
  welcome: [
    { type: 'welcome', version: 1, store: 's1', topic: 'shop', log: extent },
    { type: 'welcome', version: 1, store: 's1', topic: 'shop', log: extent, describes: true, origins: true },
  ],
  described: [
    { type: 'described', tables: [], last: true, incomplete: true, missing: 3 },
    {
      type: 'described',
      tables: [
        {
          schema: 'shop',
          table: 'orders',
          columns: [
            { name: 'id', type: 'bigint', nullable: false, unsigned: true, key: 1 },
            { name: 'state', type: 'enum', nullable: true, labels: ['new', ''] },
          ],
          unwritten: true,
          more: true,
        },
      ],
      last: false,
    },
  ],
  subscribed: [
    { type: 'subscribed', lineage: 'ab', lsn: 2 ** 40, set: '0-1-5', grant: { tables: ['shop.*'] } },
    {
      type: 'subscribed',
      lineage: 'ab',
      lsn: 1,
      set: '',
      grant: { tables: ['**'] },
      ahead: true,
      unmatched: ['shop.o*'],
      principal: 'billing',
    },
  ],
  caughtUp: [{ type: 'caughtUp', lsn: 0 }],
  falling: [{ type: 'falling', inMs: 60_000 }],
  renewed: [{ type: 'renewed', expiresAt: 1_795_334_400_123 }],
  error: [
    { type: 'error', code: 'RETENTION_EXPIRED', message: 'Too old.', details: {} },
    {
      type: 'error',
      code: 'TABLE_UNKNOWN',
      message: 'No.',
      details: { tables: ['a.b'], count: 1, retry: false, name: 'x' },
    },
  ],
};
const progress: Progress = { lsn: 2 ** 40, logTime: 1_795_334_400_123, set: '0-1-5' };
const gap: Gap = {
  transaction: '0-1-77',
  tables: ['shop.orders'],
  reason: 'größe',
  by: 'anna@db-admin',
  at: 1_795_334_400_123,
  from: 'binlog.000001:100',
  to: 'binlog.000002:4',
  code: 'STATEMENT_EVENT',
  events: 3,
  rowsEvents: 0,
};
const ddl: Ddl = {
  verb: 'ALTER TABLE',
  tables: ['shop.orders'],
  defaultSchema: 'shop',
  text: 'ALTER TABLE orders ADD größe INT',
  sqlMode: 2 ** 36,
  charset: [33, 33, 8],
  timeZone: '',
};

/** What takes an encoded value of this kind apart, with one value that is right. */
const decoders: readonly [string, (bytes: Buffer) => unknown, object][] = [
  ...Object.values(clientMessages)
    .flat()
    .map(
      (message) =>
        [message.type, decodeClientMessage, message] as [string, (bytes: Buffer) => unknown, object],
    ),
  ...Object.values(storeMessages)
    .flat()
    .map(
      (message) =>
        [message.type, decodeStoreMessage, message] as [string, (bytes: Buffer) => unknown, object],
    ),
  ['progress', decodeProgress, progress],
  ['ddl', decodeDdl, ddl],
  ['gap', decodeGap, gap],
];

/** May be absent. */
const optionalFields: ReadonlySet<string> = new Set([
  'acknowledgeGaps',
  'ahead',
  'backfill',
  'columns',
  'describes',
  'incomplete',
  'key',
  'labels',
  'missing',
  'more',
  'name',
  'origins',
  'partition',
  'principal',
  'rules',
  'text',
  'unmatched',
  'unsigned',
  'unwritten',
  'where',
]);

/** The value with one field replaced or dropped, for each field at any depth; `details` may have any fields. */
function* spoiled(value: unknown, path = ''): Generator<[string, unknown]> {
  if (path.startsWith('.details.')) return;
  if (path !== '') yield [`${path} null`, null];
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      for (const [where, other] of spoiled(item, `${path}[${index}]`))
        yield [where, value.with(index, other)];
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const { [key]: _, ...rest } = value as Record<string, unknown>;
      if (path !== '.details' && !optionalFields.has(key)) yield [`${path}.${key} dropped`, rest];
      for (const [where, other] of spoiled(item, `${path}.${key}`)) yield [where, { ...value, [key]: other }];
    }
  } else if (typeof value === 'string') {
    for (const other of [7, true, ['x']]) yield [`${path} ${typeof other}`, other];
  } else if (typeof value === 'number') {
    for (const other of ['7', true, -1, 0.5, 2 ** 53, NaN, Infinity]) yield [`${path} ${other}`, other];
  }
}

describe('a message', () => {
  it.each(decoders)('comes back as it was sent: %s', (_, decode, value) => {
    expect(decode(packr.pack(value))).toEqual(value);
  });

  it('is sent in a control frame', () => {
    for (const message of Object.values(clientMessages).flat())
      expect(decodeClientMessage(payloadOf(message))).toEqual(message);
    for (const message of Object.values(storeMessages).flat())
      expect(decodeStoreMessage(payloadOf(message))).toEqual(message);
    expect(decodeProgress(encodeProgress(progress))).toEqual(progress);
    expect(decodeDdl(encodeDdl(ddl))).toEqual(ddl);
    expect(decodeGap(encodeGap(gap))).toEqual(gap);
    const { text: _, ...withoutText } = ddl;
    expect(decodeDdl(encodeDdl(withoutText))).toEqual(withoutText);
  });

  it.each(decoders)('is refused with any one field wrong: %s', (_, decode, value) => {
    const wrong = [...spoiled(value)];
    expect(wrong.length).toBeGreaterThan(3);
    expect(notRefused('PROTOCOL_VIOLATION', wrong, ([, other]) => decode(packr.pack(other)))).toEqual([]);
  });

  it.each(decoders)('is refused when it is cut off, or has bytes behind it: %s', (_, decode, value) => {
    const bytes = packr.pack(value);
    const lengths = bytes.keys();
    expect(notRefused('PROTOCOL_VIOLATION', lengths, (length) => decode(bytes.subarray(0, length)))).toEqual(
      [],
    );
    expect(() => decode(Buffer.concat([bytes, Buffer.of(0xc0)]))).toThrow(violation);
  });

  it('asks for rows within limits, and for nothing that is not understood', () => {
    const texts = (count: number): string[] => Array.from({ length: count }, () => 'a');
    const asking = (wish: object): unknown =>
      decodeClientMessage(packr.pack({ ...clientMessages.subscribe[0], ...wish }));
    const rule = { tables: ['a.b'] };
    expect(() =>
      asking({ rules: [{ tables: texts(1000), where: 'x'.repeat(10_000), columns: texts(4096) }] }),
    ).not.toThrow();
    const beyond = [
      { rules: Array.from({ length: 101 }, () => rule) },
      { rules: [{ tables: texts(1001) }] },
      { rules: [{ ...rule, where: 'x'.repeat(10_001) }] },
      { rules: [{ ...rule, columns: texts(4097) }] },
      { rules: [{ ...rule, except: ['secret'] }] },
      { partition: { of: 1025, index: 0 } },
      { partition: { of: 4, index: 4 } },
      { origins: {} },
      { origins: { include: [] } },
      { origins: { exclude: ['A'] } },
      { origins: { exclude: ['a'.repeat(29)] } },
      { origins: { exclude: ['a'], include: ['b'] } },
      { origins: { exclude: ['a'], later: ['b'] } },
      { origins: { exclude: texts(101) } },
      { name: '' },
      { name: 'a'.repeat(101) },
      { name: '../billing' },
      { name: 'größe' },
    ];
    expect(notRefused('PROTOCOL_VIOLATION', beyond, asking)).toEqual([]);
  });

  it('may have more fields than are known', () => {
    expect(decodeClientMessage(packr.pack({ type: 'credit', bytes: 1, later: { a: [1] } }))).toMatchObject({
      type: 'credit',
      bytes: 1,
    });
  });

  it('may have its numbers in any width, as long as they are exact', () => {
    const credit = (value: Buffer): unknown =>
      decodeClientMessage(
        Buffer.concat([Buffer.of(0x82), pack('type'), pack('credit'), pack('bytes'), value]),
      );
    const wide = Buffer.of(0xcf, 0, 0, 0, 0, 0, 0, 0, 5);
    expect(credit(wide)).toEqual({ type: 'credit', bytes: 5 });
    expect(credit(Buffer.of(0xd3, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))).toEqual({
      type: 'credit',
      bytes: Number.MAX_SAFE_INTEGER,
    });
    expect(() => credit(Buffer.of(0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1))).toThrow(violation);
    expect(() => credit(Buffer.of(0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))).toThrow(violation);
  });

  it('of an unknown type is refused, also where the type is the name of something that objects have', () => {
    const types = ['', 'nonsense', 'constructor', '__proto__', 'toString'];
    const fromClient = (type: string): unknown => decodeClientMessage(packr.pack({ type }));
    const fromStore = (type: string): unknown => decodeStoreMessage(packr.pack({ type }));
    expect(notRefused('PROTOCOL_VIOLATION', [...types, 'welcome'], fromClient)).toEqual([]);
    expect(notRefused('PROTOCOL_VIOLATION', [...types, 'hello'], fromStore)).toEqual([]);
    for (const kind of ['constructor', '__proto__', 'never'])
      expect(() =>
        decodeClientMessage(
          packr.pack({ type: 'subscribe', from: { kind }, tables: [], operations: [], credit: 1 }),
        ),
      ).toThrow(violation);
  });

  it('with an error code that this side does not know is refused', () => {
    for (const code of ['NONSENSE', 'constructor', ''])
      expect(() => decodeStoreMessage(packr.pack({ type: 'error', code, message: '', details: {} }))).toThrow(
        violation,
      );
  });

  it('is a programming mistake where it does not fit a frame', () => {
    expect(() => encodeMessage({ type: 'renew', ticket: 'x'.repeat(70_000) })).toThrow(RangeError);
  });
});

describe('msgpack beyond plain values', () => {
  const [key, type] = [pack('type'), Buffer.concat([pack('type'), pack('credit')])];
  const withBytes = (value: Buffer): Buffer => Buffer.concat([Buffer.of(0x82), type, pack('bytes'), value]);
  const record = Buffer.of(0xd4, 0x72, 0x40, 0x92, ...key, ...pack('bytes'), ...pack('credit'), 1);

  it.each<[string, Buffer]>([
    ['a record definition for the whole message', record],
    ['a record definition of two bytes', Buffer.of(0xd5, 0x72, 0x40, 0, ...record.subarray(3))],
    ['a record definition for a field', withBytes(Buffer.of(0xd4, 0x72, 0x41, 0x91, 0xa1, 0x78, 1))],
    ['an extension without content', withBytes(Buffer.of(0xd4, 0, 0))],
    ['a reference', withBytes(Buffer.of(0xd6, 0x70, 0, 0, 0, 1))],
    ['an identity', withBytes(Buffer.of(0xd6, 0x69, 0, 0, 0, 1, 1))],
    ['an error', withBytes(Buffer.of(0xd4, 0x65, 0, ...pack(['Error', 'x'])))],
    ['a regular expression', withBytes(Buffer.of(0xd4, 0x78, 0, ...pack(['(a+)+$', ''])))],
    ['bundled strings', withBytes(Buffer.of(0xd6, 0x62, 0, 0, 0, 8, 0, 0, 0, 0))],
    ['a date', withBytes(Buffer.of(0xd6, 0xff, 0, 0, 0, 1))],
    ['a typed array', withBytes(Buffer.of(0xc7, 2, 0x74, 1, 5))],
    ['a large integer', withBytes(Buffer.of(0xc7, 1, 0x42, 5))],
    ['the byte 0xc1', withBytes(Buffer.of(0xc1))],
    ['a key that is no text', Buffer.of(0x83, ...type, ...pack('bytes'), 1, 5, 1)],
    ['a key that is a map', Buffer.of(0x83, ...type, ...pack('bytes'), 1, 0x80, 1)],
    ['an array', Buffer.of(0x90)],
    ['a number', Buffer.of(1)],
    ['nothing', Buffer.alloc(0)],
  ])('is refused: %s', (_, bytes) => {
    expect(() => decodeClientMessage(bytes)).toThrow(violation);
    expect(decodeClientMessage(withBytes(Buffer.of(1)))).toEqual({ type: 'credit', bytes: 1 });
  });

  it('is refused where it is nested deeper than messages are, or claims more than there is', () => {
    const deep = Buffer.concat([Buffer.alloc(60_000, 0x91), Buffer.of(1)]);
    expect(() => decodeClientMessage(withBytes(deep))).toThrow(violation);
    for (const claim of [
      Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff),
      Buffer.of(0xdf, 0xff, 0xff, 0xff, 0xff),
      Buffer.of(0xdb, 0xff, 0xff, 0xff, 0xff),
      Buffer.of(0xc6, 0xff, 0xff, 0xff, 0xff),
    ])
      expect(() => decodeClientMessage(withBytes(claim))).toThrow(violation);
  });

  it('cannot reach the prototype of anything', () => {
    const bytes = Buffer.concat([
      Buffer.of(0x83),
      type,
      pack('bytes'),
      Buffer.of(1),
      pack('__proto__'),
      packr.pack({ polluted: true }),
    ]);
    const message = decodeClientMessage(bytes);
    expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
