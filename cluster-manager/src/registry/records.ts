import { z } from 'zod';

/*
 * What the registry keeps, and the names in it. These are checked when they are written and again when a registry is
 * opened, so that all code behind it can trust the types.
 */

/** Names of topics, clusters and stores: they stand in audiences, URLs and folder names, so no separators. */
export const plainName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    'must be 1 to 100 letters, digits, dots, dashes or underscores, and begin with a letter or digit',
  );

/** Names of users; also mail addresses. */
export const userName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/,
    'must be 1 to 100 letters, digits or any of . _ @ + -, and begin with a letter or digit',
  );

/**
 * A glob as picomatch reads it. Matching one is a regular expression that backtracks at each star; so there are few, and
 * nothing else that repeats: its run time stays bounded whoever made it.
 */
export const glob = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^()[\]{}!\\\0]+$/, 'may use * and ?, but no brackets, braces, ! or backslash')
  .refine((text) => text.split(/\*+/).length <= 5, 'may have at most four stars');

const globs = z.array(glob).min(1).max(1000);

/** Which topics may be read, and which tables (`schema.table`) in them. */
export const readsSchema = z.object({ topics: globs, tables: globs });

/** scrypt, with its parameters beside the hash so that they can be raised without breaking old hashes. Base64. */
export const passwordHashSchema = z.object({
  algorithm: z.literal('scrypt'),
  cost: z.number().int().min(2).max(1_048_576),
  blockSize: z.number().int().min(1).max(64),
  parallelization: z.number().int().min(1).max(16),
  salt: z.string(),
  hash: z.string(),
});

export const userSchema = z.object({
  name: userName,
  administrator: z.boolean(),
  password: passwordHashSchema,
  /** Made anew with each password. Login tokens carry it, so a new password ends the tokens of the old one. */
  credential: z.string().min(1),
  reads: readsSchema,
  /** ms since 1970 */
  createdAt: z.number(),
});

export const machineKeySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('store'),
    id: z.string(),
    secretHash: z.string(),
    /** The topics it may announce: names, never globs. A topic exists when a store key is bound to it. */
    topics: z.array(plainName).min(1).max(1000),
    createdAt: z.number(),
  }),
  z.object({
    kind: z.literal('client'),
    id: z.string(),
    secretHash: z.string(),
    reads: readsSchema,
    createdAt: z.number(),
  }),
]);

/** The public half; the private one stays in the folder of the manager that signs with it. */
export const signingKeySchema = z.object({
  kid: z.string().min(1).max(100),
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  alg: z.literal('ES256'),
  use: z.literal('sig'),
});

export const clusterSchema = z.object({
  name: plainName,
  /** ms since 1970 */
  createdAt: z.number(),
});

export type Reads = z.infer<typeof readsSchema>;
export type PasswordHash = z.infer<typeof passwordHashSchema>;
export type UserRecord = z.infer<typeof userSchema>;
export type MachineKeyRecord = z.infer<typeof machineKeySchema>;
export type SigningKeyRecord = z.infer<typeof signingKeySchema>;
export type ClusterRecord = z.infer<typeof clusterSchema>;

export const recordSchemas = {
  /** One record, under the key `cluster`. */
  cluster: clusterSchema,
  /** By name. */
  user: userSchema,
  /** By id. */
  machineKey: machineKeySchema,
  /** By kid. */
  signingKey: signingKeySchema,
} as const;

export interface RegistryRecords {
  cluster: ClusterRecord;
  user: UserRecord;
  machineKey: MachineKeyRecord;
  signingKey: SigningKeyRecord;
}

export type RecordKind = keyof RegistryRecords;
