import { configFaults, DrcError } from '@drc/protocol';
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseDuration } from './duration.js';
import { isLoopback, type ListenAddress } from './listen.js';
import { TablePatterns } from './serve/table-patterns.js';
import type { CaptureStart } from './source/first-position.js';
import type { SourceAddress } from './source/source-options.js';
import { parseSize } from './size.js';

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
 *   listen:   { host: 127.0.0.1, port: 7380 }        admin: { host: 127.0.0.1, port: 7381 }
 *   serve:    { address: ws://127.0.0.1:7380, seekMargin: 10s, maxSessions: 1000, maxSessionsPerPrincipal: 200, origins: [] }
 *   clusterManagers: [http://127.0.0.1:7370]         machineKeyFile: ./store.key     or DRC_MACHINE_KEY
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
  /** The readers' port. Default 127.0.0.1:7380; port 0: a free one. */
  readonly listen: ListenAddress;
  /** `/livez`, `/readyz`, `/metrics`. Default 127.0.0.1:7381; port 0: a free one. */
  readonly admin: ListenAddress;
  readonly serve: ServeConfig;
  /** Base addresses of the cluster managers. */
  readonly clusterManagers: readonly string[];
  /** A file whose only content is the machine key; absent: it comes from the environment. */
  readonly machineKeyFile: string | undefined;
}

export interface SourceConfig {
  readonly host: string;
  /** Default 3306. */
  readonly port: number;
  /** The further ones of `hosts`; absent where `hosts` is not given. */
  readonly others: readonly SourceAddress[] | undefined;
  readonly user: string;
  /** From the URL. Better: `passwordFile`, or the environment. */
  readonly password: string | undefined;
  readonly passwordFile: string | undefined;
  /** Absent: no TLS. Files in PEM. */
  readonly tls: SourceTls | undefined;
  /** Default 10 s. */
  readonly connectTimeoutMs: number;
}

export interface SourceTls {
  /** Absent: the system's authorities. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Whether the server's certificate and name are checked. Default true. */
  readonly verify: boolean;
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
  /** Default 1000. */
  readonly maxSessions: number;
  /** Default 200. */
  readonly maxSessionsPerPrincipal: number;
  /** Browsers' origins that may connect. Default none. */
  readonly origins: readonly string[];
}

/** What a text means, with the fault of not meaning anything at its place. */
const meant = <Output>(
  input: z.ZodType<string | number>,
  parse: (value: string | number) => Output,
): z.ZodType<Output> =>
  input.transform((value, context) => {
    try {
      return parse(value);
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: error instanceof Error ? error.message : 'not understood',
      });
      return z.NEVER;
    }
  });

const textOrNumber = z.union([z.string(), z.number()], { error: 'must be a text or a number' });
const duration = meant(textOrNumber, parseDuration);
const positiveDuration = duration.refine((ms) => ms > 0, { error: 'must be longer than 0', abort: true });
const size = meant(textOrNumber, parseSize);
const text = z.string().min(1);
const port = z.int().min(0).max(65_535);
/** As the cluster managers take it: it stands in addresses and tickets. */
const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    'must be letters, digits, ".", "_" and "-", at most 100, beginning with a letter or digit',
  );
const loopback = text.refine(isLoopback, {
  error: 'is not a loopback address, and there is no TLS here; use 127.0.0.1 or ::1 (ADDRESS_NOT_LOOPBACK)',
});
const listen = (defaultPort: number): z.ZodType<ListenAddress> =>
  z.strictObject({ host: loopback.default('127.0.0.1'), port: port.default(defaultPort) }).prefault({});

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

const tlsFiles = z.strictObject({
  ca: text.optional(),
  cert: text.optional(),
  key: text.optional(),
  verify: z.boolean().default(true),
});

const source = z
  .strictObject({
    url: text.optional(),
    host: text.optional(),
    port: port.min(1).optional(),
    hosts: z.array(meant(text, parseSourceAddress)).min(1, 'names none').optional(),
    user: text.optional(),
    passwordFile: text.optional(),
    tls: z
      .union([z.boolean(), tlsFiles], { error: 'must be true, false, or { ca, cert, key, verify }' })
      .default(false),
    connectTimeout: positiveDuration.default(10_000),
  })
  .transform(
    ({ url, host, port: ownPort, hosts, user, tls, connectTimeout, passwordFile }, context): SourceConfig => {
      const fault = (path: string, message: string): void =>
        context.addIssue({ code: 'custom', path: [path], message });
      const fromUrl = url === undefined ? {} : parseSourceUrl(url, (message) => fault('url', message));
      for (const [path, own] of Object.entries({ host, port: ownPort, user })) {
        if (url !== undefined && own !== undefined) fault(path, 'stands in the url already');
      }
      const [first, ...others] = hosts ?? [];
      for (const [path, own] of Object.entries({ url, host, port: ownPort })) {
        if (hosts !== undefined && own !== undefined) fault(path, 'cannot be given beside hosts');
      }
      if (new Set(hosts?.map((address) => `${address.host}:${address.port}`)).size !== (hosts?.length ?? 0))
        fault('hosts', 'names one twice');
      const whole = { host, port: ownPort, user, ...fromUrl, ...first };
      if (url === undefined && whole.host === undefined) fault('host', 'is missing; give it, or a url');
      if (url === undefined && whole.user === undefined) fault('user', 'is missing');
      if (fromUrl.password !== undefined && passwordFile !== undefined)
        fault('passwordFile', 'the url has a password already');
      const names = [whole.host ?? '', ...others.map((address) => address.host)];
      if (tls !== false && (tls === true || tls.verify) && names.some((name) => isIP(name) !== 0))
        fault(
          'tls',
          'cannot compare a certificate with an address; give the name of the host, or tls.verify: false',
        );
      return {
        host: whole.host ?? '',
        port: whole.port ?? 3306,
        others: hosts === undefined ? undefined : others,
        user: whole.user ?? '',
        password: fromUrl.password,
        passwordFile,
        tls: tls === false ? undefined : tls === true ? { verify: true } : tls,
        connectTimeoutMs: connectTimeout,
      };
    },
  );

/** `db1`, `db1:3307`, `[::1]:3307`. */
function parseSourceAddress(value: string | number): SourceAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:/@\s[\]]+))(?::(\d{1,5}))?$/i.exec(String(value));
  const number = Number(match?.[3] ?? 3306);
  if (match === null || number < 1 || number > 65_535)
    throw new DrcError('CONFIG_INVALID', 'must read host:3306');
  return { host: match[1] ?? match[2]!, port: number };
}

interface SourceUrl {
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
}

/** No message repeats the URL: it may hold a password. */
function parseSourceUrl(text: string, fault: (message: string) => void): SourceUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['mysql:', 'mariadb:'].includes(url.protocol) || url.hostname === '') {
    fault('must read mysql://user@host:3306');
    return {};
  }
  if (url.username === '') fault('names no user: mysql://user@host:3306');
  if (url.pathname.length > 1 || url.search !== '' || url.hash !== '') fault('must end with the port');
  return {
    host: url.hostname.replaceAll(/^\[|\]$/g, ''),
    port: url.port === '' ? 3306 : Number(url.port),
    user: decodeURIComponent(url.username),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  };
}

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
  listen: listen(7380),
  admin: listen(7381),
  serve: z
    .strictObject({
      address: webAddress(['ws:', 'wss:'], 'ws://127.0.0.1:7380').optional(),
      seekMargin: duration.optional(),
      maxSessions: z.int().min(1).max(100_000).default(1000),
      maxSessionsPerPrincipal: z.int().min(1).max(100_000).default(200),
      origins: z.array(webAddress(['http:', 'https:'], 'https://tools.example')).default([]),
    })
    .prefault({})
    .transform(
      ({ seekMargin, address, ...rest }): ServeConfig => ({ address, seekMarginMs: seekMargin, ...rest }),
    ),
  clusterManagers: z.array(webAddress(['http:', 'https:'], 'http://127.0.0.1:7370')).min(1, 'names none'),
  machineKeyFile: text.optional(),
});

/**
 * Checks a store's configuration and fills in the defaults.
 * @param value the file, read as YAML
 * @throws DrcError `CONFIG_INVALID` with all faults in `faults`, each `path: message`.
 */
export function parseStoreConfig(value: unknown): StoreConfig {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) {
    const { cluster, machineKeyFile, ...rest } = parsed.data;
    return { ...rest, cluster, machineKeyFile };
  }
  const faults = configFaults(parsed.error.issues);
  throw new DrcError('CONFIG_INVALID', `The store’s configuration has ${faults.length} fault(s).`, {
    faults,
  });
}
