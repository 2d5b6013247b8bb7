import { isIPv4 } from 'node:net';
import { configFaults, DrcError } from '@drc/protocol';
import { z } from 'zod';
import { plainName } from './registry/records.js';

const port = z.number().int().min(0).max(65_535);
const host = z.string().min(1).refine(isLoopback, {
  error: 'is not a loopback address, and there is no TLS here; use 127.0.0.1 or ::1 (ADDRESS_NOT_LOOPBACK)',
});
const ms = (from: number, to: number): z.ZodNumber => z.number().int().min(from).max(to);

const schema = z.strictObject({
  directory: z.string().min(1),
  cluster: plainName.optional(),
  listen: z.strictObject({ host: host.default('127.0.0.1'), port: port.default(7370) }).prefault({}),
  admin: z.strictObject({ host: host.default('127.0.0.1'), port: port.default(7371) }).prefault({}),
  ticketLifeMs: ms(1_000, 3_600_000).default(300_000),
  tokenLifeMs: ms(1_000, 3_600_000).default(3_600_000),
  leaseMs: ms(1_000, 300_000).default(15_000),
});

/** Where a port is opened. Port 0: a free one. */
export interface ListenAddress {
  /** Without TLS a loopback address. Default 127.0.0.1. */
  readonly host: string;
  readonly port: number;
}

/** The file of `drc cm start`. */
export interface ManagerConfig {
  /** The folder that `initManager` made. */
  readonly directory: string;
  /** Where given, the folder must be of this cluster. */
  readonly cluster?: string | undefined;
  /** The HTTP API. Default port 7370. */
  readonly listen: ListenAddress;
  /** `/livez`, `/readyz`, `/metrics`. Default port 7371. */
  readonly admin: ListenAddress;
  /** How long a ticket is good: 1 s to 1 h, default 5 min. Revoked readers go on for at most this long. */
  readonly ticketLifeMs: number;
  /** How long a login is good: 1 s to 1 h, default 1 h. */
  readonly tokenLifeMs: number;
  /** How long a store counts as alive after it announced itself: 1 s to 5 min, default 15 s. */
  readonly leaseMs: number;
}

/**
 * Fills in the defaults. `CONFIG_INVALID` with all faults at once in `faults`, each as `path.of.setting: what is wrong`;
 * unknown settings are faults.
 * @param value the parsed file
 */
export function parseManagerConfig(value: unknown): ManagerConfig {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const faults = configFaults(parsed.error.issues);
  throw new DrcError(
    'CONFIG_INVALID',
    `The cluster manager's configuration has faults:\n  ${faults.join('\n  ')}`,
    { faults },
  );
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}

/** `ADDRESS_NOT_LOOPBACK` for anything but an address in 127.0.0.0/8, ::1 (also in brackets) or `localhost`. */
export function mustBeLoopback(host: string): void {
  if (isLoopback(host)) return;
  throw new DrcError('ADDRESS_NOT_LOOPBACK', `${host} is not a loopback address.`, { host });
}
