import { isLoopback, type Plaintext } from '@drc/protocol';
import { z } from 'zod';
import type { ZooKeeperServer } from './registry/zookeeper-connection.js';

/** `registry.zookeeper` in the file of `drc cm start`. */
export interface ZooKeeperConfig {
  /** One is enough; another one is tried when it does not answer. */
  readonly servers: readonly ZooKeeperServer[];
  /** The node that holds the registry. Default `/drc`. */
  readonly root: string;
  readonly auth: {
    /** Owns all nodes, by ZooKeeper's scheme `digest`. Default `drc`. */
    readonly user: string;
    /** A file with the password; absent: it comes from the environment. */
    readonly passwordFile?: string | undefined;
  };
  /** `allow`: servers elsewhere than on loopback. ZooKeeper's protocol is spoken without TLS. */
  readonly plaintext?: Plaintext | undefined;
  /** After so long without a sign of a server it is given up: 1 s to 60 s, default 10 s. */
  readonly sessionTimeoutMs: number;
  /** For how long the manager answers from memory while no server can be reached: up to a day, default 1 h. */
  readonly offlineReadsMs: number;
}

const defaultPort = 2181;

const server = z.string().transform((text, context): ZooKeeperServer => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[3] ?? defaultPort);
  if (match !== null && port > 0 && port <= 65_535) return { host: match[1] ?? match[2]!, port };
  context.addIssue({ code: 'custom', message: 'must be like zk1.internal:2181' });
  return z.NEVER;
});

export const zooKeeperSchema = z
  .strictObject({
    servers: z.array(server).min(1, 'names none').max(20),
    root: z
      .string()
      .regex(/^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/, 'must be a path such as /drc')
      .max(200)
      .default('/drc'),
    auth: z
      .strictObject({
        user: z
          .string()
          .regex(/^[A-Za-z0-9._-]{1,100}$/, 'must be letters, digits or any of . _ -')
          .default('drc'),
        passwordFile: z.string().min(1).optional(),
      })
      .prefault({}),
    plaintext: z.literal('allow').optional(),
    sessionTimeoutMs: z.number().int().min(1_000).max(60_000).default(10_000),
    offlineReadsMs: z.number().int().min(0).max(86_400_000).default(3_600_000),
  })
  .refine(
    ({ servers, plaintext }) => plaintext === 'allow' || servers.every(({ host }) => isLoopback(host)),
    {
      path: ['servers'],
      error:
        'are not all loopback addresses, and the password and the registry travel as they are; where the network between is trusted, say plaintext: allow',
    },
  );
