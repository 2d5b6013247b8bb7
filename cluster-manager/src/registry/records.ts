import { maxCheckpointLength, maxTransactionIdLength, subscriptionNamePattern } from '@drc/protocol';
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

/** A table as a grant names it: `schema.table`, or a glob over that. */
export const tableGlob = glob.refine((text) => /[.*?]/.test(text), 'must read schema.table');

/** A column, or a glob over names of columns. */
const columnGlob = glob;

const globs = z.array(glob).min(1).max(1000);
const columns = z.array(columnGlob).min(1).max(1000).optional();

/** Globs over `schema.table`, and what of them may be read: a `GrantRule`, whose words it shares. */
const ruleFields = {
  tables: globs,
  /** A condition as docs/expressions.md has it. */
  where: z.string().min(1).max(4000).optional(),
  drop: columns,
  hash: columns,
  snapshot: z.boolean().optional(),
  backfill: z.boolean().optional(),
};

/** One grant of a principal or a role. */
export const grantSchema = z.object({
  /** 8 hex digits, unique within its owner. */
  id: z.string(),
  /** Globs. */
  topics: globs,
  ...ruleFields,
});

/** Grants as of the first format: the topics, and the tables in each of them. */
const readsSchema = z.object({ topics: globs, tables: globs });

/** A record of the first format had `reads`; it becomes the one grant. */
function withGrants(record: unknown): unknown {
  if (typeof record !== 'object' || record === null || !('reads' in record)) return record;
  const { reads, ...others } = record;
  return { ...others, grants: [{ id: '00000000', ...readsSchema.parse(reads) }] };
}

/** What principals that read have in common. */
const accessFields = {
  /** Logs in no more, gets no tickets, and its sessions have ended. */
  disabled: z.boolean().default(false),
  /** Names. One that is not there gives nothing. */
  roles: z.array(plainName).max(100).default([]),
  /** Its own, beside those of its roles. */
  grants: z.array(grantSchema).max(1000).default([]),
};

/** scrypt, with its parameters beside the hash so that they can be raised without breaking old hashes. Base64. */
export const passwordHashSchema = z.object({
  algorithm: z.literal('scrypt'),
  cost: z.number().int().min(2).max(1_048_576),
  blockSize: z.number().int().min(1).max(64),
  parallelization: z.number().int().min(1).max(16),
  salt: z.string(),
  hash: z.string(),
});

const currentUserSchema = z.object({
  name: userName,
  administrator: z.boolean(),
  password: passwordHashSchema,
  /** Made anew with each password. Login tokens carry it, so a new password ends the tokens of the old one. */
  credential: z.string().min(1),
  ...accessFields,
  /** ms since 1970 */
  createdAt: z.number(),
});
export const userSchema = z.preprocess(withGrants, currentUserSchema);

const currentMachineKeySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('store'),
    id: z.string(),
    secretHash: z.string(),
    /** The topics it may announce: names, never globs. A topic exists when a store key is bound to it. */
    topics: z.array(plainName).min(1).max(1000),
    disabled: accessFields.disabled,
    createdAt: z.number(),
  }),
  z.object({
    kind: z.literal('client'),
    id: z.string(),
    secretHash: z.string(),
    ...accessFields,
    createdAt: z.number(),
  }),
]);
export const machineKeySchema = z.preprocess(withGrants, currentMachineKeySchema);

/** Grants under a name, given to principals together. */
export const roleSchema = z.object({
  name: plainName,
  grants: accessFields.grants,
  createdAt: z.number(),
});

/** A bearer credential that lives long, of a user or of a client's machine key. */
export const tokenSchema = z.object({
  id: z.string(),
  secretHash: z.string(),
  /** Who it is for, in words. */
  label: z.string().min(1).max(100),
  /** Whose it is: the name of a user, or `machine:<id>`. */
  principal: z.string().min(1).max(200),
  /** ms since 1970 */
  expiresAt: z.number(),
  createdAt: z.number(),
});

/** What the stores are told of: tickets that are void although their time is not over. */
export const revocationSchema = z.object({
  principal: z.string().min(1).max(200),
  tokenId: z.string().optional(),
  /** ms since 1970: tickets from before. */
  before: z.number(),
  /** ms since 1970: then no such ticket can be in use, and this is forgotten. */
  until: z.number(),
});

/** The public half; the private one stays in the folder of the manager that signs with it. */
export const signingKeySchema = z.object({
  kid: z.string().min(1).max(100),
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  alg: z.literal('ES256'),
  use: z.literal('sig'),
  /** ms since 1970: signed with no more, and good until then. Absent: in use. */
  until: z.number().optional(),
});

/** What a service calls one of its subscriptions. */
export const subscriptionName = z
  .string()
  .regex(subscriptionNamePattern, 'must be 1 to 100 letters, digits, dots, dashes or underscores');

/** A subscription whose place the managers keep. */
export const checkpointSchema = z.object({
  principal: z.string().min(1).max(200),
  topic: plainName,
  name: subscriptionName,
  /**
   * Raised by each instance of the service that takes the subscription over, and by each move: only who has the newest
   * saves. Of the managers' clocks, in ms, or one more than before: none is given twice, also after a removal.
   */
  epoch: z.number().int().min(1),
  /** Absent while nothing has been saved, and after a move to a moment. */
  checkpoint: z.string().min(1).max(maxCheckpointLength).optional(),
  /** Log time of the checkpoint's newest transaction, ms, where the reader told it. */
  time: z.number().min(0).optional(),
  /** Where an operator wants it to begin: as `from` in a question for stores. Absent once something has been saved. */
  from: z
    .string()
    .max(maxTransactionIdLength + 20)
    .optional(),
  /** Who took it last: the name of the client. */
  client: z.string().max(100),
  /** ms since 1970 */
  takenAt: z.number(),
  /** ms since 1970; absent while nothing has been saved. */
  savedAt: z.number().optional(),
  /** ms since 1970: moved by an operator, and not taken since. */
  movedAt: z.number().optional(),
});

export const clusterSchema = z.object({
  name: plainName,
  /** ms since 1970 */
  createdAt: z.number(),
});

export type GrantRecord = z.infer<typeof grantSchema>;
export type PasswordHash = z.infer<typeof passwordHashSchema>;
export type UserRecord = z.infer<typeof userSchema>;
export type MachineKeyRecord = z.infer<typeof machineKeySchema>;
export type RoleRecord = z.infer<typeof roleSchema>;
export type TokenRecord = z.infer<typeof tokenSchema>;
export type RevocationRecord = z.infer<typeof revocationSchema>;
export type SigningKeyRecord = z.infer<typeof signingKeySchema>;
export type CheckpointRecord = z.infer<typeof checkpointSchema>;
export type ClusterRecord = z.infer<typeof clusterSchema>;

export const recordSchemas = {
  /** One record, under the key `cluster`. */
  cluster: clusterSchema,
  /** By name. */
  user: userSchema,
  /** By id. */
  machineKey: machineKeySchema,
  /** By name. */
  role: roleSchema,
  /** By id. */
  token: tokenSchema,
  /** By the principal, or `<principal>#<token id>`. */
  revocation: revocationSchema,
  /** By kid. */
  signingKey: signingKeySchema,
  /** By `<principal>/<topic>/<name>`. */
  checkpoint: checkpointSchema,
} as const;

export interface RegistryRecords {
  cluster: ClusterRecord;
  user: UserRecord;
  machineKey: MachineKeyRecord;
  role: RoleRecord;
  token: TokenRecord;
  revocation: RevocationRecord;
  signingKey: SigningKeyRecord;
  checkpoint: CheckpointRecord;
}

export type RecordKind = keyof RegistryRecords;
