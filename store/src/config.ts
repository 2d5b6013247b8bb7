import {
  configFaults,
  DrcError,
  isLoopback,
  maxTicketGraceMs,
  type Plaintext,
  type ServerTlsFiles,
} from '@drc/protocol';
import { z } from 'zod';
import { duration, meant, port, positiveDuration, text, textOrNumber } from './config-values.js';
import type { ListenAddress } from './listen.js';
import type { ManagerTlsFiles } from './manager-transport.js';
import { TablePatterns } from './serve/table-patterns.js';
import type { CaptureStart } from './source/first-position.js';
import { parseSize } from './size.js';
import { source, type SourceConfig } from './source-config.js';
import {
  areManagersPrivate,
  waysShape,
  isPlaceKnown,
  isPortPrivate,
  managerTls,
  plaintext,
  serverTls,
} from './tls-config.js';

/*
 * The file of `drc store start`:
 *
 *   topic: shop                       cluster: main               directory: ./drc-data/shop
 *   source:                           url: mysql://user@host:3306, or host, port, user
 *     hosts: [db1:3306, db2:3306]   instead of host: servers of one topology, which replicate by GTID
 *     passwordFile: ./password        or in the environment: DRC_SOURCE_PASSWORD
 *     tls: { ca: ./ca.pem }           true: the system's authorities; absent: none
 *     connectTimeout: 10s
 *   capture:                          start: 'retention' | 'now' | a time (ISO 8601) | { file, offset }
 *     include: [shop.*]   exclude: [shop.tmp_*]   excludeColumns: [shop.users.password]   ignoreStatements: []
 *   log:      { retention: 24h, retentionBytes: 200GiB, syncInterval: 200ms, reserve: 2GiB }
 *   backfill: { enabled: true, rate: 20MiB, maxReaders: 2 }   moments before the log, for readers with the right
 *   snapshots: { enabled: true, rate: 20MiB, maxReaders: 2 }  tables copied from the source, for readers with the right
 *   fill:     sister | { from: sister, rate: 50MiB }  an empty log is copied from another store of the topic
 *   listen:   { host: 127.0.0.1, port: 7380 }        admin: { host: 127.0.0.1, port: 7381 }
 *   tls:      { certFile: ./store.pem, keyFile: ./store.key, caFile: ./ca.pem, clientCertificates: none | request | require }
 *   serve:    { address: wss://store-1.internal:7380, seekMargin: 10s, ticketGrace: 1h, maxSessions: 1000,
 *               maxSessionsPerPrincipal: 200, origins: [] }
 *   clusterManagers: [https://cm.internal:7370]      machineKeyFile: ./machine.key   or DRC_MACHINE_KEY
 *   columnHashKeyFile: ./column-hash.key             the key of columns that grants hash; the same in all stores
 *   managerTls: { caFile: ./ca.pem, certFile: ./store.pem, keyFile: ./store.key, serverName: cm.internal }
 *   plaintext: allow                                 no TLS is needed off loopback
 *
 * Durations are `250ms`, `15m`, `24h` or milliseconds; sizes `64KiB`, `2GiB` or bytes. Unknown settings are faults.
 */

export interface StoreConfig {
  /** The name that readers use for the source's stream. */
  readonly topic: string;
  /** Where given, only keys of this cluster are taken; otherwise the first announcement tells. */
  readonly cluster: string | undefined;
  /** The data folder. */
  readonly directory: string;
  readonly source: SourceConfig;
  readonly capture: CaptureConfig;
  readonly log: LogConfig;
  /** Moments before the log, read from the source for single readers. Absent: none are. */
  readonly backfill: BackfillConfig | undefined;
  /** Tables copied from the source for readers. Undefined: none are. */
  readonly snapshots: SnapshotsConfig | undefined;
  /** How an empty log is filled. Absent: from the source alone. */
  readonly fill: FillConfig | undefined;
  /** The readers' port. Default 127.0.0.1:7380; port 0: a free one. */
  readonly listen: ListenAddress;
  /** The certificate of the readers' port. Absent: no TLS. */
  readonly tls: ServerTlsFiles | undefined;
  /** `allow`: readers' port and managers may be off loopback without TLS. */
  readonly plaintext: Plaintext | undefined;
  /** `/livez`, `/readyz`, `/metrics`. On loopback only. Default 127.0.0.1:7381; port 0: a free one. */
  readonly admin: ListenAddress;
  readonly serve: ServeConfig;
  /** Base addresses of the cluster managers. */
  readonly clusterManagers: readonly string[];
  /** For managers with `https`. Absent: the system's authorities, no client certificate. */
  readonly managerTls: ManagerTlsFiles | undefined;
  /** A file whose only content is the machine key; absent: it comes from the environment. */
  readonly machineKeyFile: string | undefined;
  /** A file whose content is the key of hashed columns, 32 bytes or more. Absent: grants that hash are refused. */
  readonly columnHashKeyFile: string | undefined;
}

export interface CaptureConfig {
  readonly start: CaptureStart;
  /** Globs over `schema.table`; empty: all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Globs over `schema.table.column`. */
  readonly excludeColumns: readonly string[];
  /** Globs over `schema.table`: writes in statement form to these are left out instead of stopping capture. */
  readonly ignoreStatements: readonly string[];
}

/** What readers with the right to it may have read from the source. */
export interface BackfillConfig {
  /** Of each of them. Default 20 MiB. */
  readonly rateBytesPerSecond: number;
  /** At a time. Default 2. */
  readonly maxReaders: number;
}

/** What readers with the right to it may have copied of tables. */
export interface SnapshotsConfig {
  /** Of all of them together. Default 20 MiB. */
  readonly rateBytesPerSecond: number;
  /** At a time; others wait. Default 2. */
  readonly maxReaders: number;
}

/** An empty log begins as a copy of another store's log of the topic, where one is alive. */
export interface FillConfig {
  /** What the copy may take of the network, bytes a second. Absent: as much as there is. */
  readonly rateBytesPerSecond: number | undefined;
}

export interface LogConfig {
  /** Default 24 h. */
  readonly retentionMs: number;
  /** Beyond it the oldest transactions go although they are younger than that. Absent: no limit. */
  readonly retentionBytes: number | undefined;
  /** What power loss can cost. Default 200 ms. */
  readonly syncIntervalMs: number;
  /** Capture waits while less is free. Absent: the larger of 2 GiB and 5 % of the disk. */
  readonly reserveBytes: number | undefined;
}

export interface ServeConfig {
  /** What clients are told to connect to; absent: made of `listen`. */
  readonly address: string | undefined;
  /** How far a seek by time goes back. Absent: 10 s for MariaDB, whose commit times are whole seconds; else 1 s. */
  readonly seekMarginMs: number | undefined;
  /** How long sessions outlive their tickets while no manager can be reached: at most a day, default 1 h. */
  readonly ticketGraceMs: number;
  /** Default 1000. */
  readonly maxSessions: number;
  /** Default 200. */
  readonly maxSessionsPerPrincipal: number;
  /** Browsers' origins that may connect. Default none. */
  readonly origins: readonly string[];
}

const size = meant(textOrNumber, parseSize);
/** As the cluster managers take it: it stands in addresses and tickets. */
const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    'must be letters, digits, ".", "_" and "-", at most 100, beginning with a letter or digit',
  );
const loopback = text.refine(isLoopback, {
  error:
    'is not a loopback address, and there is no login on this port; use 127.0.0.1 or ::1 (ADDRESS_NOT_LOOPBACK)',
});
const listen = (host: z.ZodType<string>, defaultPort: number): z.ZodType<ListenAddress> =>
  z.strictObject({ host: host.prefault('127.0.0.1'), port: port.default(defaultPort) }).prefault({});

const tableGlob = meant(text, (glob) => {
  // Only whether it can be used at all; capture compiles it for itself.
  if (!String(glob).includes('.') && !/^\*+$/.test(String(glob))) {
    throw new DrcError('CONFIG_INVALID', 'must read schema.table, with * for any text');
  }
  return new TablePatterns([String(glob)]).texts[0]!;
});
const columnGlob = text.regex(/^[^.]+\.[^.]+\.[^.]+$/, 'must read schema.table.column, with * for any text');

const webAddress = (protocols: readonly string[], example: string) =>
  text.refine(
    (address) => {
      const url = URL.canParse(address) ? new URL(address) : undefined;
      return (
        url !== undefined && protocols.includes(url.protocol) && url.username === '' && url.search === ''
      );
    },
    { error: `must be an address such as ${example}` },
  );

const position = z.strictObject({
  file: text.regex(/^[^/]+\.\d+$/, 'must be the name of a binlog file, such as binlog.000001'),
  offset: z.int().min(4).default(4),
});
const start = z
  .union([z.string(), z.date(), position], { error: 'must be retention, now, a time, or { file, offset }' })
  .transform((value, context): CaptureStart => {
    if (typeof value === 'object' && !(value instanceof Date)) return { kind: 'position', position: value };
    if (value === 'retention' || value === 'now') return { kind: value };
    const time = new Date(value).getTime();
    if (Number.isSafeInteger(time) && time >= 0 && (value instanceof Date || hasZone.test(value))) {
      return { kind: 'time', time };
    }
    context.addIssue({
      code: 'custom',
      message: 'must be retention, now, or a time with its zone, such as 2026-11-22T08:00:00Z',
    });
    return z.NEVER;
  });
/** A time without a zone would mean another moment on another machine. */
const hasZone = /(Z|[+-]\d\d:?\d\d)$/;

/** What is not in LevelDB's tables yet, up to two write buffers of 16 MiB, is never trimmed by size. */
const leastRetentionBytes = 64 * 1024 * 1024;

/** Slower than that it would not come to the head of any log that is written. */
const leastFillRate = 64 * 1024;
const fill = z
  .union(
    [
      z.literal('sister').transform(() => ({ rate: undefined })),
      z.strictObject({
        from: z.literal('sister'),
        rate: size.refine((bytes) => bytes >= leastFillRate, { error: 'must be 64KiB or more' }).optional(),
      }),
    ],
    { error: 'must be sister, or { from: sister, rate }' },
  )
  .transform(({ rate }): FillConfig => ({ rateBytesPerSecond: rate }));

const backfill = z
  .strictObject({
    enabled: z.boolean().default(false),
    rate: size
      .refine((bytes) => bytes >= leastFillRate, { error: 'must be 64KiB or more' })
      .default(20 * 1024 * 1024),
    maxReaders: z.int().min(1).max(100).default(2),
  })
  .transform(({ enabled, rate, maxReaders }): BackfillConfig | undefined =>
    enabled ? { rateBytesPerSecond: rate, maxReaders } : undefined,
  );

const snapshots = z
  .strictObject({
    enabled: z.boolean().default(true),
    rate: size
      .refine((bytes) => bytes >= leastFillRate, { error: 'must be 64KiB or more' })
      .default(20 * 1024 * 1024),
    maxReaders: z.int().min(1).max(100).default(2),
  })
  .prefault({})
  .transform(({ enabled, rate, maxReaders }): SnapshotsConfig | undefined =>
    enabled ? { rateBytesPerSecond: rate, maxReaders } : undefined,
  );

const schema = z.strictObject({
  topic: name,
  cluster: name.optional(),
  directory: text,
  source,
  capture: z
    .strictObject({
      start: start.prefault('retention'),
      include: z.array(tableGlob).default([]),
      exclude: z.array(tableGlob).default([]),
      excludeColumns: z.array(columnGlob).default([]),
      ignoreStatements: z.array(tableGlob).default([]),
    })
    .prefault({}),
  log: z
    .strictObject({
      retention: positiveDuration.default(86_400_000),
      retentionBytes: size
        .refine((bytes) => bytes >= leastRetentionBytes, { error: 'must be 64MiB or more', abort: true })
        .optional(),
      syncInterval: positiveDuration.default(200),
      reserve: size.optional(),
    })
    .prefault({})
    .transform(
      ({ retention, retentionBytes, syncInterval, reserve }): LogConfig => ({
        retentionMs: retention,
        retentionBytes,
        syncIntervalMs: syncInterval,
        reserveBytes: reserve,
      }),
    ),
  backfill: backfill.optional(),
  snapshots,
  fill: fill.optional(),
  listen: listen(text, 7380),
  tls: serverTls.optional(),
  plaintext: plaintext.optional(),
  admin: listen(loopback, 7381),
  serve: z
    .strictObject({
      address: webAddress(['ws:', 'wss:'], 'ws://127.0.0.1:7380').optional(),
      seekMargin: duration.optional(),
      ticketGrace: duration
        .refine((ms) => ms <= maxTicketGraceMs, { error: 'must be at most 24h' })
        .default(3_600_000),
      maxSessions: z.int().min(1).max(100_000).default(1000),
      maxSessionsPerPrincipal: z.int().min(1).max(100_000).default(200),
      origins: z.array(webAddress(['http:', 'https:'], 'https://tools.example')).default([]),
    })
    .prefault({})
    .transform(
      ({ seekMargin, ticketGrace, address, ...rest }): ServeConfig => ({
        address,
        seekMarginMs: seekMargin,
        ticketGraceMs: ticketGrace,
        ...rest,
      }),
    ),
  clusterManagers: z.array(webAddress(['http:', 'https:'], 'http://127.0.0.1:7370')).min(1, 'names none'),
  managerTls: managerTls.optional(),
  machineKeyFile: text.optional(),
  columnHashKeyFile: text.optional(),
});

/** Told beside the faults of other settings, hence looked at wherever what they read has none of its own. */
const when = ({ value }: { readonly value: unknown }): boolean => waysShape.safeParse(value).success;
const checked = schema
  .refine(isPortPrivate, {
    path: ['listen', 'host'],
    when,
    error:
      'is not a loopback address; give the port a certificate (tls), or say plaintext: allow (ADDRESS_NOT_LOOPBACK)',
  })
  .refine(isPlaceKnown, {
    path: ['serve', 'address'],
    when,
    error: 'is missing: readers cannot connect to the address that stands for all of them',
  })
  .refine(areManagersPrivate, {
    path: ['clusterManagers'],
    when,
    error:
      'leads off this machine without encryption; use https, or say plaintext: allow (PLAINTEXT_REFUSED)',
  });

/**
 * Checks a store's configuration and fills in the defaults.
 * @param value the file, read as YAML
 * @throws DrcError `CONFIG_INVALID` with all faults in `faults`, each `path: message`.
 */
export function parseStoreConfig(value: unknown): StoreConfig {
  const parsed = checked.safeParse(value, { reportInput: true });
  if (parsed.success) {
    const {
      cluster,
      backfill: backfilled,
      fill: fillFrom,
      machineKeyFile,
      columnHashKeyFile,
      tls,
      plaintext: allowed,
      managerTls: toManagers,
      ...rest
    } = parsed.data;
    return {
      ...rest,
      cluster,
      backfill: backfilled,
      fill: fillFrom,
      machineKeyFile,
      columnHashKeyFile,
      tls,
      plaintext: allowed,
      managerTls: toManagers,
    };
  }
  const faults = configFaults(parsed.error.issues);
  throw new DrcError('CONFIG_INVALID', `The store’s configuration has ${faults.length} fault(s).`, {
    faults,
  });
}
