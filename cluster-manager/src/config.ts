import { configFaults, DrcError, isLoopback, type Plaintext, type ServerTlsFiles } from '@drc/protocol';
import { z } from 'zod';
import { plainName } from './registry/records.js';
import { zooKeeperSchema, type ZooKeeperConfig } from './zookeeper-config.js';

const port = z.number().int().min(0).max(65_535);
const host = z.string().min(1);
const loopbackHost = host.refine(isLoopback, {
  error:
    'is not a loopback address, and there is no login on this port; use 127.0.0.1 or ::1 (ADDRESS_NOT_LOOPBACK)',
});
const ms = (from: number, to: number): z.ZodNumber => z.number().int().min(from).max(to);

const file = z.string().min(1);
const tls = z
  .strictObject({
    certFile: file,
    keyFile: file,
    caFile: file.optional(),
    clientCertificates: z.enum(['none', 'request', 'require']).default('none'),
  })
  .refine(({ clientCertificates, caFile }) => clientCertificates === 'none' || caFile !== undefined, {
    path: ['caFile'],
    error: 'is missing: client certificates must be of somebody',
  });

const schema = z.strictObject({
  directory: z.string().min(1),
  cluster: plainName.optional(),
  listen: z.strictObject({ host: host.default('127.0.0.1'), port: port.default(7370) }).prefault({}),
  tls: tls.optional(),
  plaintext: z.literal('allow').optional(),
  admin: z.strictObject({ host: loopbackHost.default('127.0.0.1'), port: port.default(7371) }).prefault({}),
  ticketLifeMs: ms(1_000, 3_600_000).default(300_000),
  tokenLifeMs: ms(1_000, 3_600_000).default(3_600_000),
  leaseMs: ms(1_000, 300_000).default(15_000),
  registry: z.strictObject({ zookeeper: zooKeeperSchema }).optional(),
});

/** Where the host has no fault of its own. */
const listenShape = z.object({ listen: z.object({ host: z.string().optional() }).optional() });

/** Of a port that credentials are sent to. Told beside the faults of other settings. */
const checked = schema.refine(isClosedOrEncrypted, {
  path: ['listen', 'host'],
  when: ({ value }) => listenShape.safeParse(value).success,
  error:
    'is not a loopback address; give the port a certificate (tls), or say plaintext: allow (ADDRESS_NOT_LOOPBACK)',
});

function isClosedOrEncrypted(given: Partial<z.output<typeof schema>>): boolean {
  const { listen, tls: certificate, plaintext } = given;
  return certificate !== undefined || plaintext === 'allow' || isLoopback(listen?.host ?? 'localhost');
}

/** Where a port is opened. Port 0: a free one. */
export interface ListenAddress {
  /** Default 127.0.0.1. */
  readonly host: string;
  readonly port: number;
}

/** The file of `drc cm start`. */
export interface ManagerConfig {
  /** The folder that `initManager`, or `initSharedManager`, made. */
  readonly directory: string;
  /** Where given, the folder must be of this cluster. */
  readonly cluster?: string | undefined;
  /** The HTTP API. Default port 7370. */
  readonly listen: ListenAddress;
  /** The API's certificate. Absent: no TLS. */
  readonly tls?: ServerTlsFiles | undefined;
  /** `allow`: the API may be opened on another address than loopback without TLS. */
  readonly plaintext?: Plaintext | undefined;
  /** `/livez`, `/readyz`, `/metrics`. On loopback only. Default port 7371. */
  readonly admin: ListenAddress;
  /** How long a ticket is good: 1 s to 1 h, default 5 min. Revoked readers go on for at most this long. */
  readonly ticketLifeMs: number;
  /** How long a login is good: 1 s to 1 h, default 1 h. */
  readonly tokenLifeMs: number;
  /** How long a store counts as alive after it announced itself: 1 s to 5 min, default 15 s. */
  readonly leaseMs: number;
  /** Where several managers share what must last. Absent: this one keeps it in its folder, alone. */
  readonly registry?: { readonly zookeeper: ZooKeeperConfig } | undefined;
}

/**
 * Fills in the defaults. `CONFIG_INVALID` with all faults at once in `faults`, each as `path.of.setting: what is wrong`;
 * unknown settings are faults.
 * @param value the parsed file
 */
export function parseManagerConfig(value: unknown): ManagerConfig {
  const parsed = checked.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const faults = configFaults(parsed.error.issues);
  throw new DrcError(
    'CONFIG_INVALID',
    `The cluster manager's configuration has faults:\n  ${faults.join('\n  ')}`,
    { faults },
  );
}

/** `ADDRESS_NOT_LOOPBACK` for anything but an address in 127.0.0.0/8, ::1 (also in brackets) or `localhost`. */
export function mustBeLoopback(host: string): void {
  if (isLoopback(host)) return;
  throw new DrcError('ADDRESS_NOT_LOOPBACK', `${host} is not a loopback address.`, { host });
}
