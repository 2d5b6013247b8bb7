import type { ConnectionOptions as TlsOptions } from 'node:tls';

export interface SourceAddress {
  readonly host: string;
  readonly port: number;
}

/** How the source is reached. */
export interface SourceOptions {
  readonly host: string;
  /** Default 3306. */
  readonly port?: number;
  /**
   * Further servers of one topology, which replicate by GTID: where one is lost or refuses, the next is tried. Given, even
   * empty, capture goes on by GTID and takes any server that has all that the log has. Absent: the one server only.
   */
  readonly others?: readonly SourceAddress[];
  readonly user: string;
  readonly password?: string;
  /** Absent: no TLS. `rejectUnauthorized` is true unless set; the host name is checked then. */
  readonly tls?: Pick<TlsOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized'>;
  /** How long to wait for a connection. Default 10,000. */
  readonly connectTimeoutMs?: number;
}

/** `db1:3306`, `[::1]:3306` */
export const addressOf = ({ host, port = 3306 }: Pick<SourceOptions, 'host' | 'port'>): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** The options as mysql2 and zongji take them. */
export interface DriverOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly ssl?: Record<string, unknown>;
  readonly connectTimeout: number;
  readonly charset: string;
  readonly timezone: 'Z';
  readonly dateStrings: true;
  readonly supportBigNumbers: true;
  readonly bigNumberStrings: true;
  readonly flags: string[];
}

export function driverOptions(source: SourceOptions): DriverOptions {
  return {
    host: source.host,
    port: source.port ?? 3306,
    user: source.user,
    password: source.password ?? '',
    ...(source.tls === undefined
      ? {}
      : { ssl: { verifyIdentity: source.tls.rejectUnauthorized !== false, ...source.tls } }),
    connectTimeout: source.connectTimeoutMs ?? 10_000,
    charset: 'utf8mb4',
    timezone: 'Z',
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    // A hostile server could otherwise ask for files of this machine.
    flags: ['-LOCAL_FILES'],
  };
}
